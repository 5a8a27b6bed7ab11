// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package probe lets a peer send a packet to an address that this node has taken
// over, to see whether it comes here: the one plane that neither a cloud's
// interface nor its metadata can vouch for. A Prober asks by the peer link, opens
// a UDP socket at the address on the peer link's port, which is let through
// between the nodes anyhow, and waits for a number that nobody else knows.
package probe

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// Config is what a Prober works with.
type Config struct {
	Port uint16 // the peer link's
	// Peers are the nodes that can be asked now, the one to ask first in front.
	Peers func() []string
	// Send sends a request to a node's Received. It doesn't wait.
	Send func(to string, payload []byte) error
	// Ours tells whether an address is one that nodes of this configuration hold. To
	// no other a packet is sent, whoever asks.
	Ours func(netip.Addr) bool
}

// Prober asks peers, and does what they ask.
type Prober struct {
	cfg  Config
	busy chan struct{} // holds one per packet that is being sent
}

// The most packets that are sent for peers at a time, and how often a probe asks
// again within its time: requests and packets may get lost.
const (
	mostBusy = 4
	again    = 250 * time.Millisecond
)

// New makes a Prober, which starts nothing.
func New(cfg Config) *Prober { return &Prober{cfg: cfg, busy: make(chan struct{}, mostBusy)} }

var errNoPeer = errors.New("no other node is there that could send a packet")

// Probe satisfies cloud.Prober.
func (p *Prober) Probe(ctx context.Context, c vip.Claim) (peer string, arrived bool, err error) {
	peers := p.cfg.Peers()
	if len(peers) == 0 {
		return "", false, errNoPeer
	}
	for _, a := range c.Addresses {
		arrived, err := p.one(ctx, peers[0], a.Addr())
		if err != nil || !arrived {
			return peers[0], false, err
		}
	}
	return peers[0], true, nil
}

// one tells whether a peer's packet to the address has come here.
func (p *Prober) one(ctx context.Context, peer string, at netip.Addr) (bool, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, p.cfg.Port)))
	if err != nil {
		return false, fmt.Errorf("opening a socket at %v: %w", at, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	r := request{to: netip.AddrPortFrom(at, p.cfg.Port)}
	_, _ = rand.Read(r.nonce[:]) // it never fails
	var b [64]byte
	for ctx.Err() == nil {
		if err := p.cfg.Send(peer, r.encode()); err != nil {
			return false, fmt.Errorf("asking %s for a packet to %v: %w", peer, at, err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(again)); err != nil {
			return false, fmt.Errorf("waiting for a packet to %v: %w", at, err)
		}
		for {
			n, _, err := conn.ReadFromUDPAddrPort(b[:])
			if err != nil {
				break // nothing yet
			}
			if bytes.Equal(b[:n], r.nonce[:]) {
				return true, nil
			}
		}
	}
	return false, nil
}

// Received does what a peer asks for. It doesn't block, and keeps nothing of the
// payload. What is not understood, or not to be done, is left alone.
func (p *Prober) Received(_ string, payload []byte) {
	r, err := parse(payload)
	if err != nil || r.to.Port() != p.cfg.Port || !p.cfg.Ours(r.to.Addr()) {
		return
	}
	select {
	case p.busy <- struct{}{}:
	default:
		return // it asks again
	}
	go func() {
		defer func() { <-p.busy }()
		conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(r.to))
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write(r.nonce[:]) // whether it comes is what is asked
	}()
}

// request asks for a packet with a number:
//
//	0   version, 1
//	1   nonce, 16 bytes
//	17  port, 2 bytes
//	19  address, 16 bytes, IPv4 as ::ffff:a.b.c.d
type request struct {
	nonce [16]byte
	to    netip.AddrPort
}

const (
	version     = 1
	requestSize = 35
)

var errRequest = errors.New("not a request of this version")

func (r request) encode() []byte {
	b := append([]byte{version}, r.nonce[:]...)
	b = binary.BigEndian.AppendUint16(b, r.to.Port())
	at := r.to.Addr().As16()
	return append(b, at[:]...)
}

func parse(b []byte) (request, error) {
	if len(b) != requestSize || b[0] != version {
		return request{}, errRequest
	}
	r := request{to: netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[19:])).Unmap(), binary.BigEndian.Uint16(b[17:]))}
	copy(r.nonce[:], b[1:])
	return r, nil
}

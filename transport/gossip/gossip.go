// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package gossip is the peer link: encrypted messages between the nodes of one
// cluster, and what each tells the others of itself. It stands on
// hashicorp/memberlist.
//
// Messages of Send go straight to the peer in one UDP packet per path; gossip
// is only how the nodes find each other and keep a list. That list is slow on
// purpose, with memberlist's timing for a LAN: a dead node is suspected for
// some seconds before it leaves Members. Nothing that must be fast may wait for
// it. That the holder of addresses is dead is found out by VRRP's timer.
//
// A message is handed on once, however often it comes, and only of a node that
// has proven that it runs (see prove.go): who records messages can do nothing with
// them, now or after a restart of either end. Sealed messages are the exception
// that Link.Seal describes.
//
// All nodes share the keys, so a message proves that a member of the cluster sent
// it, and no more: one that is in an attacker's hands can say to be another,
// whose start it knows from that node's messages. It can't take a name that is not
// configured. Keep the keys as you keep the root password of the nodes.
package gossip

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
)

// Config is what a link needs.
type Config struct {
	Node    string // the name of this node, unique in the cluster
	Cluster string // messages of other clusters are refused

	// Bind are local addresses, at most one of each family is needed. They may
	// come later. Port is for UDP and TCP on all of them; 0 takes one that is free.
	Bind []netip.Addr
	Port uint16
	// Advertise is the address that others are told of, if it isn't the first
	// of Bind: behind address translation.
	Advertise netip.AddrPort

	Peers []Peer
	Keys  [][]byte // the first encrypts
	Log   *slog.Logger
	// Now is a clock that goes on while the machine sleeps; nil is time.Now.
	Now func() time.Time

	// State is what this node tells others of itself, at most 64 KiB. It is asked
	// for every second and after Announce. It may be nil.
	State func() []byte
	// Changed is called when Members answers otherwise than before. It must not
	// block or call the Link. It may be nil.
	Changed func()
	// Received gets the messages of configured peers on the channels Lease, Agent and
	// Probe, one after the other. It must not block, and must not keep the payload.
	Received func(from string, ch Channel, payload []byte)
}

// Peer is another node of the configuration.
type Peer struct {
	Name string
	// Addresses are "host:port", or "host" at the port of this node. A host is an
	// address or a name, which is resolved again at each try. Each message goes to
	// all of them, and counts once.
	Addresses []string
}

var (
	// ErrNotRunning is a message before Run has begun or after it has ended.
	ErrNotRunning = errors.New("the peer link is not running")
	// ErrNoAddress is a message to a node of which no address is known.
	ErrNoAddress = errors.New("no address is known of the node")
	// ErrTooLong is a message that fits no packet.
	ErrTooLong = errors.New("the message is longer than a packet takes")
)

const (
	// streamTimeout bounds what goes over TCP.
	streamTimeout = 3 * time.Second
	// leaveTimeout bounds how long the end waits for others to hear of it.
	leaveTimeout = time.Second
	// handoff is how many received messages may wait.
	handoff = 1024
)

// Link is the peer link of one node. Its methods may be called from anywhere;
// of the callbacks, only Received may call it.
type Link struct {
	cfg       Config
	name      []byte        // of this node
	addresses [2]netip.Addr // of this node, for adverts
	start     uint64
	born      time.Time
	sockets   *sockets
	ring      *memberlist.Keyring
	ciphers   atomic.Pointer[ciphers] // of the ring's keys
	buffers   sync.Pool               // of *[]byte, to pack in
	bridge    *bridge
	lookup    lookup
	troubles  troubles

	rotating sync.Mutex
	kick     chan struct{}       // the state may have changed, or someone is new
	retry    chan struct{}       // the peers have changed
	doubts   chan struct{}       // a peer is to be asked whether it runs
	suspects chan netip.AddrPort // where this node's name was heard of
	failed   chan error          // ends Run
	counts   counts

	receiving sync.Mutex
	ended     bool // nothing more is received

	// mu is taken inside memberlist's locks: it is never held while memberlist
	// is called.
	mu      sync.Mutex
	list    *memberlist.Memberlist // while running
	peers   map[string]*peer
	nodes   map[netip.Addr]string // the peers by vip.NodeAddress
	members map[string]*Member
	open    []*Adverts // replaced, never changed
	limit   limiter    // of what peers make this package say
	asked   question
}

// New checks the configuration and binds the addresses. Run starts.
func New(cfg Config) (*Link, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("peer link: %w", err)
	}
	keys := make([][]byte, len(cfg.Keys))
	for i, k := range cfg.Keys {
		keys[i] = bytes.Clone(k)
	}
	ring, err := memberlist.NewKeyring(keys, keys[0])
	if err != nil {
		return nil, fmt.Errorf("peer link: %w", err)
	}
	ready, err := newCiphers(keys)
	if err != nil {
		return nil, fmt.Errorf("peer link: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails: it ends the program instead
	l := &Link{
		cfg: cfg, name: []byte(cfg.Node), addresses: nodeAddresses(cfg.Node), start: binary.BigEndian.Uint64(id[:]), born: cfg.Now(), ring: ring,
		kick: make(chan struct{}, 1), retry: make(chan struct{}, 1), doubts: make(chan struct{}, 1),
		suspects: make(chan netip.AddrPort, 4), failed: make(chan error, 1),
		members: map[string]*Member{},
		lookup:  net.DefaultResolver.LookupNetIP,
		limit:   limiter{period: logPeriod},
	}
	l.ciphers.Store(&ready)
	l.buffers.New = func() any { return new(make([]byte, 0, maxOwnPacket)) }
	l.bridge = newBridge(cfg.Log, l.refused)
	if l.sockets, err = openSockets(cfg.Bind, cfg.Port); err != nil {
		return nil, fmt.Errorf("peer link: %w", err)
	}
	if err := l.SetPeers(cfg.Peers); err != nil {
		_ = l.sockets.close()
		return nil, err
	}
	return l, nil
}

func (c *Config) check() error {
	if err := checkName(c.Node); err != nil {
		return fmt.Errorf("node: %w", err)
	}
	if err := checkName(c.Cluster); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	if len(c.Bind) == 0 {
		return errors.New("no address to bind")
	}
	return validKeys(c.Keys)
}

func checkName(s string) error {
	if len(s) == 0 || len(s) > maxName {
		return fmt.Errorf("the name %.70q has %d bytes, of 1 to %d", s, len(s), maxName)
	}
	return nil
}

// Port is the port that was bound.
func (l *Link) Port() uint16 { return l.sockets.port() }

// age is how long this start has been there.
func (l *Link) age() time.Duration { return l.cfg.Now().Sub(l.born) }

// Start is the random id of this start.
func (l *Link) Start() uint64 { return l.start }

// Close gives up a link that was never run.
func (l *Link) Close() error { return l.sockets.close() }

// Run joins the peers, and tries those that are missing for ever. At the end of
// ctx it leaves, so that the others don't wait for its answer, and returns nil.
// A *DuplicateError says that another node has this name, and had it before.
//
// When it returns, the sockets are closed and nothing more is received. A
// goroutine of memberlist that serves a peer's connection may outlive it by at
// most 3 s.
func (l *Link) Run(ctx context.Context) error {
	l.sockets.advertised = l.cfg.Advertise
	if !l.sockets.advertised.IsValid() {
		l.sockets.advertised = l.sockets.advertise(l.cfg.Bind[0], l.known())
	}
	for _, a := range absent(l.cfg.Bind) {
		l.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "address of the peer link is not on this host: it will be used when it comes", slog.String("address", a.String()))
	}
	l.sockets.start(l.packet)
	list, err := memberlist.Create(l.tuned())
	if err != nil {
		_ = l.sockets.Shutdown()
		return fmt.Errorf("peer link: starting: %w", err)
	}
	l.setList(list)
	inner, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { l.join(inner, list) })
	wg.Go(func() { l.tell(inner, list) })
	wg.Go(func() { l.ask(inner, list) })
	wg.Go(func() { l.prove(inner) })
	var failure error
	select {
	case <-ctx.Done():
	case failure = <-l.failed:
	}
	_, twice := errors.AsType[*DuplicateError](failure)
	if twice { // the other one asks, too, and says it
		select {
		case <-ctx.Done():
		case <-time.After(leaveTimeout):
		}
	}
	cancel()
	l.setList(nil)
	if !twice { // it would say that the other one has left
		if err := list.Leave(leaveTimeout); err != nil {
			l.cfg.Log.LogAttrs(context.Background(), slog.LevelWarn, "left the cluster before the others knew", slog.Any("err", err))
		}
	}
	if err := list.Shutdown(); err != nil && failure == nil {
		failure = fmt.Errorf("peer link: closing: %w", err)
	}
	wg.Wait()
	l.receiving.Lock()
	defer l.receiving.Unlock()
	l.ended = true
	return failure
}

// tuned is memberlist's configuration for a LAN with what differs here.
func (l *Link) tuned() *memberlist.Config {
	c := memberlist.DefaultLANConfig()
	c.Name, c.Label, c.Keyring = l.cfg.Node, l.cfg.Cluster, l.ring
	c.Transport = l.sockets
	c.LogOutput = l.bridge
	c.Delegate, c.Events, c.Alive, c.Conflict = (*delegate)(l), (*delegate)(l), (*delegate)(l), (*delegate)(l)
	// Messages are small and many: to compress each costs more than it saves.
	c.EnableCompression = false
	c.TCPTimeout = streamTimeout
	c.HandoffQueueDepth = handoff
	// A node that died may come back with another address.
	c.DeadNodeReclaimTime = time.Second
	return c
}

func (l *Link) setList(list *memberlist.Memberlist) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = list
}

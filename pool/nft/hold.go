// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// holdName is a table with a chain that does nothing and that this socket owns (Linux 5.12):
// nobody can flush it, and it goes with the socket. As long as there is a chain of NAT the
// kernel goes on translating established connections, so that "nft flush ruleset" breaks none.
const holdName = "vicar-hold"

// tableOwned is NFT_TABLE_F_OWNER.
const tableOwned = 1 << 1

// hold makes the table that keeps connections going, if the kernel has such tables and nobody
// else has made it.
func (r *raw) hold() {
	if !r.held {
		err := r.makeHold()
		r.held, r.others = err == nil, errors.Is(err, unix.EPERM)
	}
}

// keeps tells whether connections go on without any other chain of NAT.
func (r *raw) keeps() bool { return r.held || r.others }

// makeHold makes that table. It is EPERM if another socket owns it.
func (r *raw) makeHold() error {
	begin, end := r.batchMark(unix.NFNL_MSG_BATCH_BEGIN), r.batchMark(unix.NFNL_MSG_BATCH_END)
	tab := r.request(unix.NFNL_SUBSYS_NFTABLES, unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE, unix.NFPROTO_INET)
	tab.AddData(nl.NewRtAttr(unix.NFTA_TABLE_NAME, nl.ZeroTerminated(holdName)))
	tab.AddData(nl.NewRtAttr(unix.NFTA_TABLE_FLAGS, nl.BEUint32Attr(tableOwned)))
	ch := r.request(unix.NFNL_SUBSYS_NFTABLES, unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE, unix.NFPROTO_INET)
	ch.AddData(nl.NewRtAttr(unix.NFTA_CHAIN_TABLE, nl.ZeroTerminated(holdName)))
	ch.AddData(nl.NewRtAttr(unix.NFTA_CHAIN_NAME, nl.ZeroTerminated("hold")))
	hook := nl.NewRtAttr(unix.NFTA_CHAIN_HOOK|unix.NLA_F_NESTED, nil)
	hook.AddRtAttr(unix.NFTA_HOOK_HOOKNUM, nl.BEUint32Attr(unix.NF_INET_PRE_ROUTING))
	hook.AddRtAttr(unix.NFTA_HOOK_PRIORITY, nl.BEUint32Attr(0))
	ch.AddData(hook)
	ch.AddData(nl.NewRtAttr(unix.NFTA_CHAIN_TYPE, nl.ZeroTerminated("nat")))

	// A chain alone keeps the translation, but not the tracking of connections.
	state, err := expr.Marshal(unix.NFPROTO_INET, &expr.Ct{Key: expr.CtKeySTATE, Register: register(0)})
	if err != nil {
		return fmt.Errorf("writing a rule: %w", err)
	}
	rule := r.request(unix.NFNL_SUBSYS_NFTABLES, unix.NFT_MSG_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_APPEND|unix.NLM_F_ACK, unix.NFPROTO_INET)
	rule.AddData(nl.NewRtAttr(unix.NFTA_RULE_TABLE, nl.ZeroTerminated(holdName)))
	rule.AddData(nl.NewRtAttr(unix.NFTA_RULE_CHAIN, nl.ZeroTerminated("hold")))
	list := nl.NewRtAttr(unix.NFTA_RULE_EXPRESSIONS|unix.NLA_F_NESTED, nil)
	list.AddRtAttr(unix.NFTA_LIST_ELEM|unix.NLA_F_NESTED, state)
	rule.AddData(list)

	var batch []byte
	for _, req := range []*nl.NetlinkRequest{begin, tab, ch, rule, end} {
		req.Sockets = nil
		req.Flags |= unix.NLM_F_REQUEST
		batch = append(batch, req.Serialize()...)
	}
	if err := unix.Sendto(r.socket.GetFd(), batch, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("sending a transaction: %w", err)
	}
	// What has failed comes first, and in place of the acknowledgement.
	msgs, _, err := r.socket.Receive()
	if err != nil {
		return fmt.Errorf("waiting for the end of a transaction: %w", err)
	}
	for _, m := range msgs {
		if m.Header.Type == unix.NLMSG_ERROR && len(m.Data) >= 4 {
			if code := int32(binary.NativeEndian.Uint32(m.Data)); code != 0 {
				return fmt.Errorf("making the table %s: %w", holdName, unix.Errno(-code))
			}
		}
	}
	return nil
}

// batchMark is the begin or the end of a transaction.
func (r *raw) batchMark(kind int) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(kind, 0)
	id := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.NFNL_SUBSYS_NFTABLES))
	req.AddData(&nl.Nfgenmsg{NfgenFamily: unix.AF_UNSPEC, Version: nl.NFNETLINK_V0, ResId: id})
	return req
}

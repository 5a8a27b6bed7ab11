// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/lab/uml"
	"github.com/vicar-ha/vicar/lab/vicar"
	"github.com/vicar-ha/vicar/pool"
)

// guestWithin is how long the part pools may take in the guest.
const guestWithin = 30 * time.Minute

// guestMark begins the line with which the bench in the guest tells its results.
const guestMark = "results: "

// poolPlane is what it costs to keep many services programmed: package pool with a
// plane in this process, and no checks.
type poolPlane struct {
	Plane    string          `json:"plane"`
	Run      int             `json:"run"`
	Program  time.Duration   `json:"program_ns"`    // from the router's acquiring to the last service in the kernel
	Removals []time.Duration `json:"removals_ns"`   // from a server's verdict to its removal from the kernel
	Same     time.Duration   `json:"same_ns"`       // a reload that changes nothing
	Added    time.Duration   `json:"added_ns"`      // a reload that adds a server, until it is in the kernel
	Repaired time.Duration   `json:"repaired_ns"`   // from the deletion of all until all is there again
	Objects  int             `json:"objects_count"` // services and servers
}

// poolStart is a start of a program with many services.
type poolStart struct {
	Plane string        `json:"plane"`
	Side  string        `json:"program"`
	Run   int           `json:"run"`
	All   time.Duration `json:"all_ns"`   // from the program's start to the last server in the kernel
	Added time.Duration `json:"added_ns"` // from the signal to reload to the new server in the kernel
	Use   usage         `json:"use"`      // while checks are all that is to be done
}

// poolFailure is a server's death, seen by a client that connects each millisecond.
type poolFailure struct {
	Plane  string        `json:"plane"`
	Side   string        `json:"program"`
	Run    int           `json:"run"`
	Last   time.Duration `json:"last_ns"` // from the death to the beginning of the last connection that failed
	Failed int           `json:"failed"`
	Tried  int           `json:"tried"`
}

// poolFailover is the end of a director, seen by a client that asks each millisecond.
type poolFailover struct {
	Plane  string        `json:"plane"`
	Mode   string        `json:"mode"`
	Run    int           `json:"run"`
	Outage time.Duration `json:"outage_ns"`
	Open   bool          `json:"open"`
}

// poolResults are those of the part pools.
type poolResults struct {
	Planes    []poolPlane    `json:"planes"`
	Starts    []poolStart    `json:"starts"`
	Failures  []poolFailure  `json:"failures"`
	Failovers []poolFailover `json:"failovers"`
	Guest     string         `json:"guest"` // its kernel
}

// allPoolParts are what is measured, in this order.
var allPoolParts = []string{"planes", "starts", "failures", "failovers"}

// planeHere is what balances on this kernel.
func planeHere() pool.PlaneKind {
	if uml.Inside() {
		return pool.IPVS
	}
	return pool.NFTables
}

// pools measures nftables on this kernel, and IPVS in user-mode-linux where that is.
func (b *bench) pools(ctx context.Context) error {
	for i, part := range []func(context.Context) error{b.poolPlanes, b.poolStarts, b.poolFailures, b.poolFailovers} {
		if !slices.Contains(b.poolParts, allPoolParts[i]) {
			continue
		}
		if err := part(ctx); err != nil {
			return fmt.Errorf("pools, %s: %w", planeHere(), err)
		}
	}
	if uml.Inside() {
		return nil
	}
	if err := uml.Missing(); err != nil {
		fmt.Fprintln(os.Stderr, "bench: IPVS is left out:", err)
		return nil
	}
	return b.guestPools(ctx)
}

// tellHost writes the results for guestPools.
func (b *bench) tellHost() error {
	b.results.Pools.Guest = b.results.Versions["kernel"]
	text, err := json.Marshal(b.results.Pools)
	if err != nil {
		return fmt.Errorf("encoding the results: %w", err)
	}
	fmt.Fprintf(os.Stderr, "%s%s\n", guestMark, text)
	return nil
}

// guestPools runs this part of this program in a guest.
func (b *bench) guestPools(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	var guest poolResults
	var found error = errors.New("the guest has told no results")
	var tail bytes.Buffer
	status, err := uml.Boot(ctx, dir, uml.Program{
		Path: self, Args: []string{"-only", partPools, "-runs", fmt.Sprint(b.runs), "-pool-parts", strings.Join(b.poolParts, ",")},
		Env: []string{vicar.BinaryVariable + "=" + b.binary}, Dir: b.programs, // which is seen in the guest
		Within: guestWithin,
		Line: func(line string) {
			if text, ok := strings.CutPrefix(line, guestMark); ok {
				found = json.Unmarshal([]byte(text), &guest)
				return
			}
			fmt.Fprintln(os.Stderr, "guest:", line)
			fmt.Fprintln(&tail, line)
		},
	})
	if err == nil && status != 0 {
		err = fmt.Errorf("it ended with status %d:\n%s", status, tail.String())
	}
	if err := errors.Join(err, found); err != nil {
		return fmt.Errorf("measuring IPVS: %w", err)
	}
	r := &b.results.Pools
	r.Guest = guest.Guest
	r.Planes = append(r.Planes, guest.Planes...)
	r.Starts = append(r.Starts, guest.Starts...)
	r.Failures = append(r.Failures, guest.Failures...)
	r.Failovers = append(r.Failovers, guest.Failovers...)
	b.clock.step(0, "IPVS in the guest is done")
	return nil
}

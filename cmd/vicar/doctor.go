// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vicar-ha/vicar/cloud/aws"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/status"
)

// doctorOptions are the flags of vicar doctor.
type doctorOptions struct {
	config, node string
	json, policy bool
}

func (a *app) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look whether this node could take over in the cloud",
		Long: `Looks at all that a take-over needs of the cloud, from this node and with its
credentials: whether the cloud can be reached, permissions, routes, room for
addresses; and at the peer link's keys, if they come from the cloud
(peer_link.keys_from). It changes nothing and needs no running agent, which looks at the
same things while it is Backup. What is missing comes with its remedy, and with
the IAM statement that lacks.

With --policy it prints the least IAM policy that the configuration needs, and
asks nobody.`,
		Example: `  vicar doctor
  vicar doctor --policy > policy.json`,
		Args: noArguments,
	}
	var o doctorOptions
	cmd.Flags().StringVarP(&o.config, "config", "c", defaultConfig, "configuration file")
	cmd.Flags().StringVar(&o.node, "node", "", "name of this node in the configuration")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	cmd.Flags().BoolVar(&o.policy, "policy", false, "print the IAM policy that this configuration needs")
	cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), o) })
	return cmd
}

func (a *app) doctor(ctx context.Context, o doctorOptions) error {
	if o.policy {
		return a.printPolicy(o)
	}
	cfg, node, err := load(o.config, o.node)
	if err != nil {
		return err
	}
	found, err := diagnose(ctx, cfg, node)
	if err != nil {
		return err
	}
	if o.json {
		err = a.printJSON(found)
	} else {
		err = a.print(renderDoctor(cfg, found, a.paint()))
	}
	if n := unready(found); err == nil && n > 0 {
		return unfit(fmt.Sprintf("%s is not ready: %s to mend", node, many(uint64(n), "thing")))
	}
	return err
}

// unfit is doctor's error: this node could not take over.
type unfit string

func (e unfit) Error() string { return string(e) }

func unready(found []status.Finding) int {
	n := 0
	for _, f := range found {
		if !f.OK {
			n++
		}
	}
	return n
}

// diagnose looks at all routers of the node that move in a cloud, at the table, and
// at the keys that are fetched from a cloud.
func diagnose(ctx context.Context, cfg *config.Config, node string) ([]status.Finding, error) {
	found, err := diagnoseRouters(ctx, cfg, node)
	if err != nil {
		return found, err
	}
	keys, err := diagnoseKeys(ctx, cfg)
	return append(found, keys...), err
}

func diagnoseRouters(ctx context.Context, cfg *config.Config, node string) ([]status.Finding, error) {
	u, err := newClouds(ctx, cfg, node, cloudWorld{now: time.Now, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	found := []status.Finding{}
	if u == nil {
		return found, nil
	}
	if u.session != nil {
		running, stop := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() { defer close(ended); _ = u.session.Run(running) }()
		defer func() { stop(); <-ended }()
	}
	for _, m := range cfg.Members(node) {
		if !m.Router.Cloud() {
			continue
		}
		fs, _, err := u.examine(ctx, m.Router, m.Interface)
		found = append(found, fs...)
		if err != nil {
			return found, err
		}
	}
	if cfg.Guard.Table != "" && u.session != nil {
		t, err := aws.NewTables(u.session)
		if err != nil {
			return found, err
		}
		ctx, cancel := context.WithTimeout(ctx, examineAWS)
		defer cancel()
		for _, f := range t.Examine(ctx, cfg.Guard.Table, cfg.Cluster) {
			found = append(found, finding("table", "", f))
		}
	}
	return found, nil
}

// renderDoctor is what was found, for people.
func renderDoctor(cfg *config.Config, found []status.Finding, p paint) string {
	if len(found) == 0 {
		return "No router of this node moves in a cloud, or its movers can't tell: there is nothing to look at.\n"
	}
	rows := [][]cell{heading("ROUTER", "MOVER", "LOOKED AT", "RESULT")}
	for _, f := range found {
		result := cell{"ok", green}
		if !f.OK {
			result = cell{clip(f.Problem, mostText), red}
		}
		rows = append(rows, []cell{{text: f.Router}, {text: f.Mover}, {text: clip(f.What, mostText)}, result})
	}
	var b strings.Builder
	b.WriteString(table(p, rows))
	said := make(map[string]bool)
	for _, f := range found {
		if f.OK || said[f.Remedy+f.Missing] {
			continue
		}
		said[f.Remedy+f.Missing] = true
		if f.Remedy != "" {
			b.WriteString("\n" + f.What + ": " + f.Remedy + "\n")
		}
		if f.Missing == "" {
			continue
		}
		p, ofRole := uses(cfg).Lacking(f.Missing)
		if len(p.Statement) == 0 { // a program's word for it
			b.WriteString("\n" + f.Missing + " is missing.\n")
			continue
		}
		whose := "the instances' role"
		if ofRole {
			whose = "the role that is assumed"
		}
		b.WriteString("\n" + f.Missing + " is missing in " + whose + ":\n" + p.JSON())
	}
	return b.String()
}

// uses is what a configuration uses of AWS.
func uses(c *config.Config) aws.Uses {
	moves := func(kind config.MoverKind) bool {
		return slices.ContainsFunc(c.Routers, func(r config.Router) bool { return r.Moves(kind) })
	}
	u := aws.Uses{Cluster: c.Cluster}
	if c.PeerLink != nil {
		u.KeysFrom, u.KeysKMS = c.PeerLink.KeysFrom, c.PeerLink.KeysKMS
	}
	if c.AWS == nil {
		return u
	}
	u.Region, u.Account, u.TagKey, u.TagValue, u.Release = c.AWS.Region, c.AWS.Account, c.AWS.TagKey, c.AWS.TagValue, c.AWS.Release
	u.SecondaryIPs, u.IPv6 = moves(config.MoveAWSSecondaryIP), c.AWS.IPv6Assign
	u.Routes, u.RouteTables, u.EIPs = moves(config.MoveAWSRoute), written(c.AWS), moves(config.MoveAWSEIP)
	if u.Routes {
		u.Role = c.AWS.Role
	}
	if c.Guard.Table != "" {
		u.Tables = []string{c.Guard.Table}
	}
	for _, n := range c.Nodes {
		if n.Witness {
			continue
		}
		id := c.AWS.Interfaces[n.Name]
		if id == "" {
			u.Interfaces = nil // only that node's metadata say which one it is
			break
		}
		u.Interfaces = append(u.Interfaces, id)
	}
	for _, id := range c.AWS.Allocations {
		u.Allocations = append(u.Allocations, id)
	}
	slices.Sort(u.Allocations)
	u.Allocations = slices.Compact(u.Allocations)
	return u
}

// written are the route tables that are written to: route_tables as the file has
// them, and others in which destinations move along, sorted.
func written(a *config.AWS) []string {
	var others []string
	for _, all := range a.Routes {
		for _, v := range all {
			for _, t := range v.Tables {
				if !slices.Contains(a.RouteTables, t) {
					others = append(others, t)
				}
			}
		}
	}
	slices.Sort(others)
	return slices.Concat(a.RouteTables, slices.Compact(others))
}

var errNoAWS = errors.New("the configuration has neither a section aws nor peer_link.keys_from, so it needs no policy")

func (a *app) printPolicy(o doctorOptions) error {
	cfg, err := config.Load(o.config)
	if err != nil {
		return err
	}
	if cfg.AWS == nil && (cfg.PeerLink == nil || cfg.PeerLink.KeysFrom == "") {
		return errNoAWS
	}
	u := uses(cfg)
	text := u.Policy().JSON()
	if role, ok := u.RolePolicy(); ok {
		text += role.JSON()
	}
	if u.Wide() {
		_, _ = io.WriteString(a.stderr, "vicar: this policy permits to write to any network interface: name the nodes' in aws.interfaces, or a tag that they have in aws.tag\n")
	}
	return a.print(text)
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
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
	role         bool
}

// diagnosis is what vicar doctor --json prints.
type diagnosis struct {
	Cluster  string           `json:"cluster"`
	Node     string           `json:"node"`
	Ready    bool             `json:"ready"` // nothing is known to be wrong
	Findings []status.Finding `json:"findings"`
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

What can't be known until it is tried is neither good nor wrong: a permission that AWS
has no dry run of, a program's take-over. vicar handover tries it.

With --policy it prints the least IAM policy that the configuration needs for the
instances' role, and with --role the one for the role that they assume (aws.role). It
asks nobody then.`,
		Example: `  vicar doctor
  vicar doctor --policy > policy.json`,
		Args: noArguments,
	}
	var o doctorOptions
	cmd.Flags().StringVarP(&o.config, "config", "c", defaultConfig, "configuration file")
	cmd.Flags().StringVar(&o.node, "node", "", "name of this node in the configuration")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	cmd.Flags().BoolVar(&o.policy, "policy", false, "print the IAM policy that this configuration needs")
	cmd.Flags().BoolVar(&o.role, "role", false, "print the one of the role that is assumed (aws.role)")
	cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), o) })
	return cmd
}

func (a *app) doctor(ctx context.Context, o doctorOptions) error {
	if o.policy || o.role {
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
	n := len(mends(found))
	if o.json {
		err = a.printJSON(diagnosis{Cluster: cfg.Cluster, Node: node, Ready: n == 0, Findings: found})
	} else {
		err = a.print(renderDoctor(cfg, found, a.paint()))
	}
	if err == nil && n > 0 {
		return unfit(fmt.Sprintf("%s is not ready: %s to mend", node, many(uint64(n), "thing")))
	}
	return err
}

// unfit is doctor's error: this node could not take over.
type unfit string

func (e unfit) Error() string { return string(e) }

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

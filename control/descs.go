// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import "github.com/prometheus/client_golang/prometheus"

// desc is what a metric is. A histogram's kind is not used.
type desc struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

// descs are the metrics by name.
type descs map[string]desc

func newDescs() descs {
	d := make(descs)
	add := func(name string, kind prometheus.ValueType, help string, labels ...string) {
		d[name] = desc{prometheus.NewDesc(name, help, labels, nil), kind}
	}
	const gauge, counter, untyped = prometheus.GaugeValue, prometheus.CounterValue, prometheus.UntypedValue

	add(MetricRouterState, gauge, "1 for the state that the router is in, 0 for the others.", "router", "state")
	add(MetricRouterTerm, gauge, "Number of this node's latest take-over.", "router")
	add(MetricRouterPriority, gauge, "Effective priority.", "router")
	add(MetricRouterBase, gauge, "Configured priority, which checks' weights are added to.", "router")
	add(MetricTrackPart, gauge, "What a check adds to the router's priority.", "router", "check")
	add(MetricTrackBlocks, gauge, "1 if a check keeps the router out of the election.", "router", "check")
	add(MetricRouterDamped, gauge, "1 if the router changed hands too often and does not take over from another.", "router")
	add(MetricRouterHeld, gauge, "1 if the router's addresses are on this node.", "router")
	add(MetricRouterTransitions, counter, "Entries into a state.", "router", "to")
	add(MetricRestored, counter, "Times an address came back after somebody removed it.", "router")
	add(MetricSent, counter, "Adverts sent.", "router", "family")
	add(MetricReceived, counter, "Adverts received and accepted.", "router", "family")
	add(MetricPriorityZero, counter, "Adverts received from a router that gives up (priority 0).", "router", "family")
	add(MetricDropped, counter, "Adverts for this router that were dropped.", "router", "family", "reason")
	add(MetricChecksums, counter, "Accepted version 3 IPv4 adverts by the form of their checksum.", "router", "family", "form")
	add(MetricNotices, counter, "Conditions that are worth a look and did not end an advert's use.", "router", "family", "kind")
	add(MetricLinkUp, gauge, "1 if the link's socket is open and its interface is up.", "interface", "family", "mode")
	add(MetricLinkDropped, counter, "Packets that fit no router of the link.", "interface", "family", "mode", "reason")
	add(MetricLinkSendErrors, counter, "Packets that could not be sent.", "interface", "family", "mode")
	add(MetricCheckState, gauge, "1 for the state that the check is in, 0 for the others.", "check", "kind", "state")
	add(MetricCheckLooks, counter, "Looks by what came of them.", "check", "outcome")
	add(MetricCheckDuration, gauge, "How long the last look lasted.", "check")
	add(MetricCheckLate, counter, "Looks that began late because the one before lasted too long.", "check")
	add(MetricHookRuns, counter, "Runs by what came of them.", "hook", "outcome")
	add(MetricHookSkipped, counter, "Events that a newer one made pointless before their turn.", "hook")
	add(MetricHookWaiting, gauge, "Events whose turn has not come.", "hook")
	add(MetricHookDuration, gauge, "How long the last run lasted.", "hook")
	add(MetricLateness, untyped, "How late the loop met its deadlines.")
	add(MetricStalls, counter, "Times an Active router stepped down because the loop was too late.")
	add(MetricBuildInfo, gauge, "1; the labels tell the binary.", "version", "goversion")
	add(MetricConfigInfo, gauge, "1; the labels tell the configuration in force.", "node", "digest")
	add(MetricConfigApplied, gauge, "When the configuration in force was applied.")
	return d
}

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
	add(MetricRouterPinned, gauge, "1 if the router was handed over to this node by name and stays until it fails.", "router")
	add(MetricRouterYields, gauge, "1 if the router has the lowest priority and hands over to any other node that is ready.", "router")
	add(MetricRouterFiltered, gauge, "1 if nobody hears this holder's adverts though its interface works.", "router")
	add(MetricRouterTransitions, counter, "Entries into a state.", "router", "to")
	add(MetricRestored, counter, "Times an address came back after somebody removed it from the host.", "router")
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
	d.addGuard(add)
	d.addCloud(add)
	d.addPools(add)
	return d
}

// addCloud adds what there is with movers of a cloud only.
func (descs) addCloud(add func(name string, kind prometheus.ValueType, help string, labels ...string)) {
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue

	add(MetricMoverHeld, gauge, "1 if all objects of the router are this node's, as they are to be, as far as it knows.", "router", "mover")
	add(MetricMoverObjects, gauge, "Routes, secondary addresses or associations that the router moves by.", "router", "mover")
	add(MetricMoverMoved, gauge, "Those of them that are this node's as far as it knows.", "router", "mover")
	add(MetricMoverVerified, gauge, "When the cloud last showed the objects as wanted.", "router", "mover")
	add(MetricMoverUnverified, gauge, "1 while the cloud can't be asked whether the objects are this node's still.", "router", "mover")
	add(MetricMoverTakenBack, counter, "Objects that somebody else took and that came back.", "router", "mover")
	add(MetricMoverCalls, counter, "Requests to the cloud.", "router", "mover", "action")
	add(MetricMoverFailures, counter, "Requests that failed.", "router", "mover", "kind")
	add(MetricMoverPhase, gauge, "How long after its beginning the last take-over reached a phase.", "router", "mover", "phase")
	add(MetricCloudReady, gauge, "1 if nothing that a take-over needs of the cloud is missing, as far as a standby's looks tell.")
	add(MetricCloudSignals, gauge, "What the cloud has announced for this machine: its end, or a pause.")
}

// addPools adds what there is with pools only.
func (descs) addPools(add func(name string, kind prometheus.ValueType, help string, labels ...string)) {
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue

	add(MetricPoolUp, gauge, "1 if the pool has its quorum.", "pool")
	add(MetricPoolAlive, gauge, "Sum of the weights of the pool's servers that are up.", "pool")
	add(MetricPoolQuorum, gauge, "Sum of weights that the pool needs.", "pool")
	add(MetricPoolProgrammed, gauge, "1 if this node's kernel balances the pool.", "pool")
	add(MetricPoolSorry, gauge, "1 if the sorry server serves.", "pool")
	add(MetricPoolProblem, gauge, "1 if the kernel does not have the pool as it should, does not forward to it, or its file of servers can't be used.", "pool")
	add(MetricPoolRepaired, counter, "Objects of the kernel's that somebody else had changed and that were put right.", "pool")
	add(MetricPoolServers, gauge, "Servers in a state.", "pool", "state")
	add(MetricPoolConnections, gauge, "Connections of all servers of the pool.", "pool", "state")
	add(MetricPoolServerUp, gauge, "1 if the server is up and not drained.", "pool", "server")
	add(MetricPoolServerWeight, gauge, "Weight that the server has now.", "pool", "server")
	add(MetricPoolServerConnections, gauge, "Connections of the server.", "pool", "server", "state")
	add(MetricPoolServerTotal, counter, "Connections that the server ever got.", "pool", "server")
	add(MetricPoolServerTransitions, counter, "Times that the server came up or went down.", "pool", "server", "to")
	add(MetricSyncRole, gauge, "1 for the role that IPVS's synchronisation of connections has here, 0 for the others.", "role")
	add(MetricSyncProblem, gauge, "1 if the synchronisation does not run as it should.")
}

// addGuard adds what there is with a guard or a peer link only.
func (descs) addGuard(add func(name string, kind prometheus.ValueType, help string, labels ...string)) {
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue

	add(MetricLeaseHeld, gauge, "1 if this node holds the lease on the router's addresses.", "router")
	add(MetricLeaseSpare, gauge, "How many voters can be lost and still leave a majority that has the router as this node has it; -1 if there is none.", "router")
	add(MetricLeaseUnconfirmed, gauge, "1 if the addresses are kept though no majority confirms the lease (on_loss: hold).", "router")
	add(MetricLeaseTerm, gauge, "Term of the lease that this node holds; 0 if it holds none.", "router")
	add(MetricLeaseLost, counter, "Times that this node lost the lease before it gave it up.", "router")
	add(MetricGuardMajority, gauge, "1 if enough voters are there for a lease to be granted.")
	add(MetricGuardSpare, gauge, "How many voters can be lost and still leave a majority.")
	add(MetricGuardVoter, gauge, "1 if the voter answers, or is on the peer link while this node has nothing to ask.", "node", "role")
	add(MetricGuardStaged, gauge, "1 while a change of the voters is under way.")
	add(MetricGuardProblem, gauge, "1 if this node's list of voters is not what its file says.")
	add(MetricGuardSilent, gauge, "1 while this node's own voter says nothing, after its start.")
	add(MetricGuardGrants, gauge, "Leases that this node's voter has granted and that run.")
	add(MetricGuardDropped, counter, "Lease messages that were not answered or not understood.", "reason")
	add(MetricGuardSlew, gauge, "By how much the kernel's clock runs fast or slow on purpose.")
	add(MetricFence, gauge, "1 if the kernel keeps the end of leases.")
	add(MetricPeerJoined, gauge, "1 if the configured node is on the peer link.", "node", "role")
	add(MetricPeerDiffers, gauge, "1 if the node runs another configuration than this one.", "node")
	add(MetricPeerDrained, gauge, "1 if the node is drained.", "node")
	add(MetricStrangers, gauge, "Nodes on the peer link that are not in this node's configuration.")
	add(MetricPeerLinkDropped, counter, "Packets of the peer link that were dropped.", "reason")
	add(MetricDrained, gauge, "1 if this node is drained: it takes no part in elections.")
}

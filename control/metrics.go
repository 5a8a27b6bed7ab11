// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/vicar-ha/vicar/status"
)

// The names of the metrics are a public interface: they are added to, never
// changed. docs/metrics.md describes them.
const (
	MetricRouterState           = "vicar_router_state"
	MetricRouterTerm            = "vicar_router_term"
	MetricRouterPriority        = "vicar_router_priority"
	MetricRouterHeld            = "vicar_router_held"
	MetricRouterBase            = "vicar_router_base_priority"
	MetricTrackPart             = "vicar_router_track_part"
	MetricTrackBlocks           = "vicar_router_track_blocks"
	MetricRouterDamped          = "vicar_router_damped"
	MetricRouterPinned          = "vicar_router_pinned"
	MetricRouterYields          = "vicar_router_yields"
	MetricRouterFiltered        = "vicar_router_filtered"
	MetricRouterTransitions     = "vicar_router_transitions_total"
	MetricRestored              = "vicar_addresses_restored_total"
	MetricSent                  = "vicar_adverts_sent_total"
	MetricReceived              = "vicar_adverts_received_total"
	MetricPriorityZero          = "vicar_adverts_priority_zero_total"
	MetricDropped               = "vicar_adverts_dropped_total"
	MetricChecksums             = "vicar_adverts_checksum_total"
	MetricNotices               = "vicar_notices_total"
	MetricLinkUp                = "vicar_link_up"
	MetricLinkDropped           = "vicar_link_dropped_total"
	MetricLinkSendErrors        = "vicar_link_send_errors_total"
	MetricCheckState            = "vicar_check_state"
	MetricCheckLooks            = "vicar_check_looks_total"
	MetricCheckDuration         = "vicar_check_last_duration_seconds"
	MetricCheckLate             = "vicar_check_late_total"
	MetricHookRuns              = "vicar_hook_runs_total"
	MetricHookSkipped           = "vicar_hook_skipped_total"
	MetricHookWaiting           = "vicar_hook_waiting"
	MetricHookDuration          = "vicar_hook_last_duration_seconds"
	MetricLeaseHeld             = "vicar_lease_held"
	MetricLeaseSpare            = "vicar_lease_spare_voters"
	MetricLeaseUnconfirmed      = "vicar_lease_unconfirmed"
	MetricLeaseTerm             = "vicar_lease_term"
	MetricLeaseLost             = "vicar_lease_lost_total"
	MetricGuardMajority         = "vicar_guard_majority"
	MetricGuardSpare            = "vicar_guard_spare_voters"
	MetricGuardVoter            = "vicar_guard_voter_answers"
	MetricGuardStaged           = "vicar_guard_voters_staged"
	MetricGuardProblem          = "vicar_guard_problem"
	MetricGuardSilent           = "vicar_guard_silent"
	MetricGuardGrants           = "vicar_guard_grants"
	MetricGuardDropped          = "vicar_guard_dropped_total"
	MetricGuardSlew             = "vicar_guard_clock_slew_ratio"
	MetricFence                 = "vicar_fence"
	MetricPeerJoined            = "vicar_peer_joined"
	MetricPeerDiffers           = "vicar_peer_config_differs"
	MetricPeerDrained           = "vicar_peer_drained"
	MetricStrangers             = "vicar_peerlink_strangers"
	MetricPeerLinkDropped       = "vicar_peerlink_dropped_total"
	MetricDrained               = "vicar_drained"
	MetricMoverHeld             = "vicar_mover_held"
	MetricMoverObjects          = "vicar_mover_objects"
	MetricMoverMoved            = "vicar_mover_objects_moved"
	MetricMoverVerified         = "vicar_mover_verified_timestamp_seconds"
	MetricMoverUnverified       = "vicar_mover_unverified"
	MetricMoverTakenBack        = "vicar_mover_taken_back_total"
	MetricMoverCalls            = "vicar_mover_requests_total"
	MetricMoverFailures         = "vicar_mover_failures_total"
	MetricMoverPhase            = "vicar_mover_takeover_phase_seconds"
	MetricCloudReady            = "vicar_cloud_ready"
	MetricCloudSignals          = "vicar_cloud_signals"
	MetricPoolUp                = "vicar_pool_up"
	MetricPoolAlive             = "vicar_pool_alive_weight"
	MetricPoolQuorum            = "vicar_pool_quorum_weight"
	MetricPoolProgrammed        = "vicar_pool_programmed"
	MetricPoolSorry             = "vicar_pool_sorry"
	MetricPoolProblem           = "vicar_pool_problem"
	MetricPoolRepaired          = "vicar_pool_repaired_total"
	MetricPoolServers           = "vicar_pool_servers"
	MetricPoolConnections       = "vicar_pool_connections"
	MetricPoolServerUp          = "vicar_pool_server_up"
	MetricPoolServerWeight      = "vicar_pool_server_weight"
	MetricPoolServerConnections = "vicar_pool_server_connections"
	MetricPoolServerTotal       = "vicar_pool_server_connections_total"
	MetricPoolServerTransitions = "vicar_pool_server_transitions_total"
	MetricSyncRole              = "vicar_ipvs_sync_role"
	MetricSyncProblem           = "vicar_ipvs_sync_problem"
	MetricLateness              = "vicar_loop_lateness_seconds"
	MetricStalls                = "vicar_stalls_total"
	MetricBuildInfo             = "vicar_build_info"
	MetricConfigInfo            = "vicar_config_info"
	MetricConfigApplied         = "vicar_config_applied_timestamp_seconds"
)

// states are the values of the label state, as status.Router.State has them.
var states = []string{"Initialize", "Backup", "Active"}

// family is a status family as a label's value.
func family(f int) string { return "ipv" + strconv.Itoa(f) }

// metrics answers a scrape. Its numbers are those of one status.Status, asked
// for once, so that they fit together.
func (s *Server) metrics() http.HandlerFunc {
	process := prometheus.NewRegistry()
	process.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	d := newDescs()
	opts := promhttp.HandlerOpts{ErrorLog: promLog{s}}
	return func(w http.ResponseWriter, r *http.Request) {
		st, err := s.cfg.Backend.Status(r.Context())
		if err != nil {
			fail(w, http.StatusServiceUnavailable, fmt.Errorf("asking the agent: %w", err))
			return
		}
		now := prometheus.NewRegistry()
		// The cluster tells apart routers of one name.
		prometheus.WrapRegistererWith(prometheus.Labels{"cluster": st.Cluster}, now).
			MustRegister(snapshot{st: st, descs: d})
		promhttp.HandlerFor(prometheus.Gatherers{now, process}, opts).ServeHTTP(w, r)
	}
}

// promLog is promhttp's logger.
type promLog struct{ s *Server }

// Println logs what went wrong with a scrape.
func (l promLog) Println(v ...any) {
	l.s.cfg.Log.Warn("a scrape failed", slog.String("err", fmt.Sprint(v...)))
}

// snapshot is a prometheus.Collector of one status.
type snapshot struct {
	st    status.Status
	descs descs
}

var _ prometheus.Collector = snapshot{}

// Describe sends what there can be.
func (c snapshot) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d.desc
	}
}

// Collect sends what there is.
func (c snapshot) Collect(ch chan<- prometheus.Metric) {
	e := emitter{ch: ch, descs: c.descs}
	for i := range c.st.Routers {
		e.router(&c.st, &c.st.Routers[i], c.st.Now)
	}
	for _, l := range c.st.Links {
		e.link(l)
	}
	for i := range c.st.Checks {
		e.check(&c.st.Checks[i])
	}
	e.hooks(c.st.Hooks)
	e.guard(&c.st)
	e.fleet(&c.st)
	e.cloud(&c.st)
	e.pools(&c.st)
	e.loop(&c.st.Loop)
	e.send(MetricBuildInfo, 1, c.st.Version, runtime.Version())
	e.send(MetricConfigInfo, 1, c.st.Node, c.st.Digest)
	applied := c.st.Reloaded
	if applied.IsZero() {
		applied = c.st.Started
	}
	if !applied.IsZero() {
		e.send(MetricConfigApplied, float64(applied.UnixMilli())/1e3)
	}
}

// emitter turns the parts of a status into metrics.
type emitter struct {
	ch    chan<- prometheus.Metric
	descs descs
}

func (e emitter) send(name string, v float64, labels ...string) {
	d := e.descs[name]
	e.ch <- prometheus.MustNewConstMetric(d.desc, d.kind, v, labels...)
}

// each sends a counter per key of m, the key as its last label. Keys that were
// never counted are absent.
func (e emitter) each(name string, m map[string]uint64, labels ...string) {
	for k, v := range m {
		e.send(name, float64(v), append(slices.Clip(labels), k)...)
	}
}

func (e emitter) router(st *status.Status, r *status.Router, now time.Time) {
	for _, s := range states {
		e.send(MetricRouterState, truth(r.State == s), r.Name, s)
		e.send(MetricRouterTransitions, float64(r.Transitions[s]), r.Name, s)
	}
	e.send(MetricRouterTerm, float64(r.Term), r.Name)
	e.send(MetricRouterPriority, float64(r.Priority), r.Name)
	e.send(MetricRouterBase, float64(r.Base), r.Name)
	e.send(MetricRouterHeld, truth(r.Held), r.Name)
	e.send(MetricRouterDamped, truth(r.DampedUntil.After(now)), r.Name)
	e.tracks(r)
	e.lease(st, r)
	e.movers(r)
	e.send(MetricRestored, float64(r.Restored), r.Name)
	for i := range r.Engines {
		g := &r.Engines[i]
		f := family(g.Family)
		e.send(MetricSent, float64(g.Sent), r.Name, f)
		e.send(MetricReceived, float64(g.Received), r.Name, f)
		e.send(MetricPriorityZero, float64(g.PriorityZero), r.Name, f)
		e.each(MetricDropped, g.Dropped, r.Name, f)
		e.each(MetricChecksums, g.Checksums, r.Name, f)
		e.each(MetricNotices, g.Notices, r.Name, f)
	}
}

func (e emitter) link(l status.Link) {
	f := family(l.Family)
	e.send(MetricLinkUp, truth(l.Up), l.Interface, f, l.Mode)
	e.send(MetricLinkSendErrors, float64(l.SendFails), l.Interface, f, l.Mode)
	e.each(MetricLinkDropped, l.Dropped, l.Interface, f, l.Mode)
}

func (e emitter) loop(l *status.Loop) {
	e.send(MetricStalls, float64(l.Stalls))
	buckets := make(map[float64]uint64, len(status.LateBounds))
	var n uint64
	for i, late := range l.Late {
		n += late
		if i < len(status.LateBounds) {
			buckets[seconds(status.LateBounds[i])] = n
		}
	}
	e.ch <- prometheus.MustNewConstHistogram(e.descs[MetricLateness].desc, n, l.LateSum.Seconds(), buckets)
}

// seconds is d as the shortest number: 0.0001, not 9.999999999999999e-05.
func seconds(d time.Duration) float64 {
	f, _ := strconv.ParseFloat(strconv.FormatFloat(d.Seconds(), 'g', 10, 64), 64) // what FormatFloat wrote parses
	return f
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

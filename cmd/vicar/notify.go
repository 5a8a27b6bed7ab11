// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/vicar-ha/vicar/status"
)

// notifier tells systemd how the service is (sd_notify(3)).
type notifier struct {
	send func(state string) error
	log  *slog.Logger
}

// newNotifier tells the service manager that $NOTIFY_SOCKET names, if any.
func newNotifier(log *slog.Logger) notifier {
	return notifier{log: log, send: func(state string) error {
		_, err := daemon.SdNotify(false, state)
		return err
	}}
}

// tell sends states. That systemd can't be told is no reason to stop.
func (n notifier) tell(states ...string) {
	if err := n.send(strings.Join(states, "\n")); err != nil {
		n.log.Warn("telling systemd", slog.Any("err", err))
	}
}

func (n notifier) ready()    { n.tell(daemon.SdNotifyReady) }
func (n notifier) stopping() { n.tell(daemon.SdNotifyStopping) }

// reloading is to be followed by ready.
func (n notifier) reloading() {
	n.tell(daemon.SdNotifyReloading, daemon.SdNotifyMonotonicUsec())
}

// watchdogInterval is how often systemd wants a sign of life; 0 is never.
func watchdogInterval(log *slog.Logger) time.Duration {
	d, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("reading the watchdog's interval", slog.Any("err", err))
	}
	return d
}

// living is what a sign of life is about.
type living interface {
	Ping(ctx context.Context) error
	Status(ctx context.Context) (status.Status, error)
}

const statusEvery = 10 * time.Second // how often systemd is told of the routers without a watchdog

// watchdog tells systemd until ctx ends that the agent is alive, as long as the
// agent's loop answers, and what its routers are doing when that has changed.
// limit is the time after which systemd takes it for dead; 0 is never.
func (n notifier) watchdog(ctx context.Context, limit time.Duration, a living) {
	every := statusEvery
	if limit > 0 {
		every = max(limit/3, time.Millisecond)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	var before string
	for {
		now := n.beat(ctx, every, limit > 0, a)
		if now != "" && now != before {
			n.tell("STATUS=" + now)
			before = now
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// beat asks the agent once and returns what its routers are doing, or "" if it
// doesn't answer in time.
func (n notifier) beat(ctx context.Context, wait time.Duration, feed bool, a living) string {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if err := a.Ping(ctx); err != nil {
		return "" // silence is what the watchdog is for
	}
	if feed {
		n.tell(daemon.SdNotifyWatchdog)
	}
	st, err := a.Status(ctx)
	if err != nil {
		return ""
	}
	return oneLine(st)
}

// oneLine is what systemctl status shows.
func oneLine(st status.Status) string {
	count := make(map[string]int)
	for _, r := range st.Routers {
		count[r.State]++
	}
	parts := []string{many(uint64(len(st.Routers)), "router")}
	for _, state := range []string{"Active", "Backup", "Initialize"} {
		if count[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[state], state))
		}
	}
	return st.Node + ": " + strings.Join(parts, ", ")
}

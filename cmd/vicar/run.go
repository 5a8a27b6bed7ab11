// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/vicar-ha/vicar/address"
	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/clock"
	"github.com/vicar-ha/vicar/cloud/aws"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/guardian"
	"github.com/vicar-ha/vicar/transport"
)

// runFlags are the flags of vicar run.
type runFlags struct {
	config, node, dir, state string
	format                   logFormat
	level                    logLevel
}

func (a *app) runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the agent",
		Long: `Runs the agent until SIGTERM or SIGINT, when it gives up what it holds and tells
the other nodes. SIGHUP makes it read its configuration again (see reload).

It finds itself among the nodes of the configuration by --node, by the host's
name, or by an address. It needs CAP_NET_ADMIN and CAP_NET_RAW, for the guard's
fence CAP_BPF too, and a witness none of them. Started by systemd it tells it
when it is ready and feeds its watchdog.`,
		Args: noArguments,
	}
	f := runFlags{format: formatText}
	cmd.Flags().StringVarP(&f.config, "config", "c", defaultConfig, "configuration file")
	cmd.Flags().StringVar(&f.node, "node", "", "name of this node in the configuration")
	cmd.Flags().StringVar(&f.dir, "runtime-dir", a.runtimeDir(), "directory of the lock and of the lists of held addresses and of pools")
	cmd.Flags().StringVar(&f.state, "state-dir", a.stateDir(), "directory of the list of voters, and of whether the node and servers are drained")
	cmd.Flags().Var(&f.format, "log-format", "text or json")
	cmd.Flags().Var(&f.level, "log-level", "debug, info, warn or error")
	cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error {
		return a.runAgent(cmd.Context(), f)
	})
	return cmd
}

// runAgent makes sure that it is alone and that nothing is left of an agent
// before, and runs the agent.
func (a *app) runAgent(ctx context.Context, f runFlags) error {
	log := slog.New(f.format.handler(a.stderr, slog.Level(f.level)))
	// What libraries say by themselves, net/http of a server that answers what it
	// was not asked, is for those who look closely.
	slog.SetLogLoggerLevel(slog.LevelDebug)
	slog.SetDefault(log)
	if err := os.MkdirAll(f.dir, 0o750); err != nil {
		return fmt.Errorf("making the runtime directory (run it as root, as the service, or with --runtime-dir): %w", err)
	}
	alone, err := acquire(f.dir)
	if err != nil {
		return err
	}
	defer alone.release()
	leave, err := claimNamespace(ctx)
	if err != nil {
		return err
	}
	defer leave()
	cfg, node, err := load(f.config, f.node)
	if err != nil {
		return err
	}
	ticks, err := clock.New()
	if err != nil {
		return err
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	s := &service{
		load:   func() (*config.Config, string, error) { return load(f.config, f.node) },
		socket: filepath.Join(f.dir, socketName), stateDir: f.state, dir: f.dir,
		notify: newNotifier(log), limit: watchdogInterval(log), hup: hup, log: log,
	}
	world := host{open: openNowhere, network: nowhere{}, kernel: nowhere{}, announcer: func(config.Announce) agent.Announcer { return nil }}
	if !witness(cfg, node) {
		kernel, err := cleanKernel(ctx, f.dir, log)
		if err != nil {
			return err
		}
		defer kernel.Close()
		world = kernelHost(kernel)
		s.embody = func(ctx context.Context, c *config.Config) (*body, error) {
			return newBody(ctx, c, world, bodyWorld{argv: guardianArgv(f), dir: f.dir, now: ticks.Now, log: log})
		}
	}
	if !witness(cfg, node) {
		s.balance = func(c *config.Config, node string, w poolWorld) (*pools, error) {
			w.open, w.forwards = kernelPlanes(log), address.Forwards
			return newPools(c, node, w)
		}
	}
	s.ascend = func(ctx context.Context, c *config.Config, node string) (*clouds, error) {
		w := cloudWorld{now: ticks.Now, log: log}
		if c.PeerLink != nil {
			w.prober = byPeers{s}
		}
		if c.Guard.Kind == config.GuardQuorum {
			w.guarded, w.epoch = true, s.mayWrite
		}
		return newClouds(ctx, c, node, w)
	}
	s.join = func(c *config.Config, node string, b *body) (*cluster, error) {
		w := clusterWorld{stateDir: f.state, now: ticks.Now, alarms: alarms(ticks), log: log}
		if c.Guard.Table != "" {
			var err error
			if w.table, err = aws.NewTables(s.clouds.session); err != nil {
				return nil, fmt.Errorf("setting up the table of leases: %w", err)
			}
		}
		return join(c, node, b, w)
	}
	version := readBuild().Version
	s.build = func(c *config.Config, node string) agent.Config {
		h := world
		if s.body != nil {
			h = s.body.host
		}
		if h.clouds = s.clouds; h.clouds != nil {
			h.network = watched{h.network, h.clouds}
		}
		h.pools = s.pools
		h.open = s.transports(h.open)
		built := agentConfig(c, node, version, h)
		built.Log, built.Now, built.NewAlarm = log, ticks.Now, alarms(ticks)
		return built
	}
	return s.run(ctx)
}

// join makes the cluster of a node whose body, nil on a witness, keeps the ends of
// its leases.
func join(c *config.Config, node string, b *body, w clusterWorld) (*cluster, error) {
	if b != nil {
		w.fence = b.leases(w.now)
	}
	u, err := newCluster(c, node, w)
	if err == nil && b != nil && b.fence != nil {
		b.fence.held = func(a netip.Addr) bool { return u.holds(a) || b.executor.holds(a) }
	}
	return u, err
}

// cleanKernel is the kernel when nothing is left of an agent before: its guardian
// has ended, and its addresses are gone.
func cleanKernel(ctx context.Context, dir string, log *slog.Logger) (_ *address.Kernel, err error) {
	if err := guardian.Await(ctx, dir); err != nil {
		return nil, err
	}
	kernel, err := openKernel(address.Config{RuntimeDir: dir, Log: log})
	if err != nil {
		return nil, err
	}
	left, err := kernel.Sweep(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("removing what an agent before has left: %w", err), kernel.Close())
	}
	if len(left) > 0 {
		log.Warn("removed addresses that an agent before had left", slog.Any("addresses", left))
	}
	return kernel, nil
}

func kernelHost(kernel *address.Kernel) host {
	return host{
		open: openTransport, network: kernel, kernel: kernel, prober: kernel,
		announcer: func(a config.Announce) agent.Announcer {
			return kernel.Announcer(address.AnnounceConfig{Count: a.Repeat, Delay: a.Delay, Refresh: a.Refresh, Rate: a.Rate})
		},
	}
}

// transports opens links over the peer link, and others as open does.
func (s *service) transports(open func(agent.Link) (agent.Transport, error)) func(agent.Link) (agent.Transport, error) {
	return func(l agent.Link) (agent.Transport, error) {
		if l.Gossip {
			return s.cluster.link.Open(l.Family, l.VRIDs...), nil
		}
		return open(l)
	}
}

// alarms makes alarms on the clock.
func alarms(c *clock.Clock) func() (agent.Alarm, error) {
	return func() (agent.Alarm, error) {
		a, err := c.NewAlarm()
		if err != nil {
			return nil, err // and not an Alarm that is a nil *clock.Alarm
		}
		return a, nil
	}
}

// openKernel is address.New with advice.
func openKernel(cfg address.Config) (*address.Kernel, error) {
	k, err := address.New(cfg)
	if errors.Is(err, syscall.EPERM) {
		return nil, fmt.Errorf("%w; this needs CAP_NET_ADMIN and CAP_NET_RAW: run it as root, or as the service", err)
	}
	return k, err
}

// A burst of adverts is gathered for a twentieth of the interval, never longer
// than gatherMost. The engines' timers run from when each packet arrived.
const (
	gatherPart = 20
	gatherMost = 500 * time.Microsecond
)

func openTransport(l agent.Link) (agent.Transport, error) {
	c, err := transport.Open(transport.Config{
		Interface: l.Interface, Family: l.Family, Multicast: l.Multicast, Source: l.Source, VRIDs: l.VRIDs,
		AllVRIDs: !l.Multicast, // what is sent to us alone is worth counting
		Gather:   min(l.Interval/gatherPart, gatherMost),
	})
	if err != nil {
		return nil, err // and not a Transport that is a nil *Conn
	}
	return c, nil
}

// load reads the configuration and finds this node in it.
func load(file, node string) (*config.Config, string, error) {
	c, err := config.Load(file)
	if err != nil {
		return nil, "", err
	}
	hints := config.Hints{Node: node}
	if node == "" {
		if hints.Hostname, err = os.Hostname(); err != nil {
			return nil, "", fmt.Errorf("asking for the host's name: %w", err)
		}
		if hints.Addresses, err = hostAddresses(); err != nil {
			return nil, "", err
		}
	}
	self, err := c.Self(hints)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", file, err)
	}
	return c, self, nil
}

func hostAddresses() ([]netip.Addr, error) {
	found, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("asking for the host's addresses: %w", err)
	}
	var as []netip.Addr
	for _, f := range found {
		if p, err := netip.ParsePrefix(f.String()); err == nil {
			as = append(as, p.Addr())
		}
	}
	return as, nil
}

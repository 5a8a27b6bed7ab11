// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/control"
	"github.com/vicar-ha/vicar/lab/vpc"
	"github.com/vicar-ha/vicar/status"
)

//go:embed cloud.yaml
var cloudFile []byte

// What cloud.yaml says, and how slow the cloud is.
const (
	router     = "web"
	routeTable = 5 // tables; the first one is the client's
	apiLatency = 50 * time.Millisecond
	planeLag   = 20 * time.Millisecond
	poll       = time.Second
)

// cloud is the play in a cloud: two hosts and an arbiter, and a route in a VPC's
// tables that says where packets go.
type cloud struct{ region *vpc.VPC }

func (*cloud) vip() netip.Addr { return netip.MustParseAddr("198.51.100.7") }

func (p *cloud) route() netip.Prefix { return netip.PrefixFrom(p.vip(), p.vip().BitLen()) }

func (p *cloud) introduction() string {
	return fmt.Sprintf(`
  lb-1     192.0.2.11  priority 200  --+
  lb-2     192.0.2.12  priority 150  --+--  vpc: routes, EC2's API  --  client
  arbiter  192.0.2.13  has a vote    --+

  Two hosts, an arbiter and a client, made of network namespaces, and a part of AWS
  that this program imitates: each answer of its API takes %v, and packets
  follow a change %v later. The client reaches %s as the routes
  of %d tables say, and by nothing else. The agents use the real SDK, and the guard:
  who is to hold the address needs two of the three votes. An advert every %v
  says who holds it; the holder looks every %v whether the routes are its own
  (poll). Both are short, so that the play is: the figures at the end say what
  other settings come to. The client asks it for an echo each millisecond.

`, apiLatency, planeLag, p.vip(), routeTable, interval, poll)
}

func (*cloud) timing() Timing { return Timing{Advert: interval, Poll: poll} }

// What the acts come to by other settings than the demo's: those of docs/aws.md, and
// the default poll.
const (
	cutOtherwise    = "with a table as the third vote (docs/aws.md): 3 s at least, mostly 3.4 s"
	stolenOtherwise = "with the default poll: up to 30 s"
)

func (*cloud) moral() string {
	return `
  A host's death is noticed as on a LAN, after 3 intervals and a skew; then one
  request for each table, side by side, moves the routes, and a second one shows
  that they have moved. Where the API can't be asked, nothing moves.
  Next: docs/aws.md.
`
}

// build implements plot.
func (p *cloud) build(s *show) error {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it does not fail
	keys, err := s.write("keys", []byte(base64.StdEncoding.EncodeToString(secret)+"\n"))
	if err != nil {
		return err
	}
	file, err := s.write("vicar.yaml", bytes.ReplaceAll(cloudFile, []byte("/etc/vicar/keys"), []byte(keys)))
	if err != nil {
		return err
	}
	region := awsfake.Cluster(3, routeTable)
	region.Latency, region.Lags.Packets = awsfake.Exactly(apiLatency), awsfake.Exactly(planeLag)
	if p.region, err = vpc.New(s.lab, vpc.Config{Region: region, Follow: []netip.Addr{p.vip()}}); err != nil {
		return err
	}
	if err := s.listen(p.region.Client); err != nil {
		return err
	}
	p.region.Subscribe(func(e awsfake.Event) { p.tell(s, e) })
	for n, name := range []string{"lb-1", "lb-2", "arbiter"} {
		h, err := s.host(name, byte(11+n))
		if err != nil {
			return err
		}
		if err := p.region.Join(h); err != nil {
			return err
		}
		if err := s.agent(h, file); err != nil {
			return err
		}
	}
	return nil
}

// tell tells where packets go.
func (p *cloud) tell(s *show, e awsfake.Event) {
	if e.What != awsfake.RouteChanged || e.ID != awsfake.ClusterRoutes(1) || e.Prefix != p.route() {
		return
	}
	for n, h := range s.hosts {
		if e.To == awsfake.ClusterInterface(n+1) {
			s.story.tell("vpc", "", "packets go to "+h.Name)
		}
	}
}

// play implements plot.
func (p *cloud) play(ctx context.Context, s *show) error {
	s.story.headline("the agents start")
	if err := s.served(ctx, "lb-1"); err != nil {
		return err
	}
	for _, scene := range []func(context.Context, *show) error{p.settles, p.dies, p.returns, p.settles, p.robbed, p.mute} {
		if err := scene(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// settles waits until all know each other, and lb-2 could take over.
func (p *cloud) settles(ctx context.Context, s *show) error {
	return s.await(ctx, "all are ready", func() bool {
		holder, standby := p.status(ctx, s, 0), p.status(ctx, s, 1)
		return joined(holder) && joined(standby) && joined(p.status(ctx, s, 2)) && passes(standby) && stands(holder).Verified.After(time.Time{})
	})
}

// dies cuts the holder off.
func (*cloud) dies(ctx context.Context, s *show) error {
	s.happens("lb-1 is cut from the network: the switch port goes dead", cutOtherwise)
	if err := s.lab.Cut(s.hosts[0]); err != nil {
		return err
	}
	return s.served(ctx, "lb-2")
}

// returns lets it come back, to which the holder hands over.
func (*cloud) returns(ctx context.Context, s *show) error {
	s.happens("lb-1 is back: lb-2 hands over to it, since its priority is higher", "")
	if err := s.lab.Heal(s.hosts[0]); err != nil {
		return err
	}
	return s.served(ctx, "lb-1")
}

// robbed lets somebody else change a route.
func (p *cloud) robbed(ctx context.Context, s *show) error {
	before := stands(p.status(ctx, s, 0)).TakenBack
	s.happens("somebody points the route at another machine by hand", stolenOtherwise)
	if err := p.region.SetRoute(awsfake.ClusterRoutes(1), p.route(), awsfake.ClusterInterface(3)); err != nil {
		return err
	}
	err := s.await(ctx, "lb-1 takes the route back", func() bool { return stands(p.status(ctx, s, 0)).TakenBack > before })
	return errors.Join(err, s.answered(ctx))
}

// mute lets the API be out of reach while the address is held.
func (p *cloud) mute(ctx context.Context, s *show) error {
	s.happens("EC2 refuses all connections to its API", "")
	heal := p.region.Inject(awsfake.Fault{Service: "ec2", Effect: awsfake.Refuse})
	defer heal()
	err := s.await(ctx, "both know that the API is gone", func() bool {
		return stands(p.status(ctx, s, 0)).Unverified != "" && !passes(p.status(ctx, s, 1))
	})
	if err != nil {
		return err
	}
	s.story.tell("lb-1", "", "goes on to hold the address; nothing moves")
	heal()
	err = s.await(ctx, "both know that the API is back", func() bool {
		return stands(p.status(ctx, s, 0)).Unverified == "" && passes(p.status(ctx, s, 1))
	})
	return errors.Join(err, s.answered(ctx))
}

// answered waits until the client is answered.
func (s *show) answered(ctx context.Context) error {
	from := s.probes.Now() + 300*time.Millisecond
	return s.await(ctx, "the client is answered", func() bool { return s.client.Last() > from })
}

// status is what a host's agent shows of itself; nothing if it does not answer.
func (*cloud) status(ctx context.Context, s *show, host int) status.Status {
	st, err := control.Dial(filepath.Join(s.dir, s.hosts[host].Name, "vicar.sock")).Status(ctx)
	if err != nil {
		return status.Status{}
	}
	return st
}

// joined tells whether an agent sees all others, and may vote.
func joined(st status.Status) bool {
	for _, n := range st.Fleet {
		if n.Configured && !n.Here && !n.Joined {
			return false
		}
	}
	return st.Guard != nil && !st.Guard.Silent.After(st.Now)
}

// passes tells whether a standby could take over.
func passes(st status.Status) bool {
	for _, c := range st.Checks {
		if strings.HasPrefix(c.Name, "cloud/") {
			return c.State == "passing"
		}
	}
	return false
}

// stands is how the router's routes stand.
func stands(st status.Status) status.Mover {
	for _, r := range st.Routers {
		if r.Name == router && len(r.Movers) > 0 {
			return r.Movers[0]
		}
	}
	return status.Mover{}
}

// close implements plot.
func (p *cloud) close() error {
	if p.region == nil {
		return nil
	}
	return p.region.Close()
}

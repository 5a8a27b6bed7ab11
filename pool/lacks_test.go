// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// plain is a service that both planes can do.
func plain(change func(*Service)) Service {
	s := Service{
		Virtual: Virtual{Name: "web", Scheduler: WRR, Frontends: []Frontend{Single(TCP, netip.MustParseAddrPort("192.0.2.100:80"))}},
		Servers: []Server{{Name: "a", Destination: Destination{Address: netip.MustParseAddrPort("198.51.100.11:80"), Weight: 1}}},
	}
	change(&s)
	return s
}

func TestLacks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name           string
		change         func(*Service)
		ipvs, nftables []string
	}{
		{"nothing", func(*Service) {}, nil, nil},
		{"wlc", func(s *Service) { s.Scheduler = WLC }, nil, []string{"scheduler"}},
		{"mh", func(s *Service) { s.Scheduler = MH }, nil, nil},
		{"direct", func(s *Service) { s.Servers[0].Forward = Direct }, nil, []string{"forward a"}},
		{"direct to another port", func(s *Service) {
			s.Servers[0].Forward, s.Servers[0].Address = Direct, netip.MustParseAddrPort("198.51.100.11:8080")
		}, []string{"servers a"}, []string{"forward a"}},
		{"thresholds of the sorry server", func(s *Service) {
			sorry := s.Servers[0]
			sorry.Name, sorry.Upper, sorry.Lower = "sorry", 10, 8
			s.Sorry = &sorry
		}, nil, []string{"upper sorry", "lower sorry"}},
		{"one packet of TCP", func(s *Service) { s.OnePacket = true }, []string{"one_packet"}, []string{"one_packet"}},
		{"all ports", func(s *Service) { s.Frontends[0].FirstPort, s.Frontends[0].LastPort = 0, 0 }, []string{"listen"}, nil},
		{"all ports, persistent", func(s *Service) {
			s.Frontends[0].FirstPort, s.Frontends[0].LastPort = 0, 0
			s.Persistence.Timeout = time.Minute
		}, nil, nil},
		{"many ports", func(s *Service) { s.Frontends[0].FirstPort, s.Frontends[0].LastPort = 1, 5000 }, []string{"listen"}, nil},
		{"many addresses", func(s *Service) {
			s.Frontends[0].First, s.Frontends[0].Last = netip.MustParseAddr("2001:db8::"), netip.MustParseAddr("2001:db8:1::")
			s.Servers[0].Address = netip.MustParseAddrPort("[2001:db8:2::1]:80")
		}, []string{"listen"}, nil},
		{"another family", func(s *Service) { s.Servers[0].Address = netip.MustParseAddrPort("[2001:db8::1]:80") }, []string{"servers a"}, []string{"servers a"}},
		{"half a second", func(s *Service) { s.Persistence.Timeout = time.Second / 2 }, []string{"persistence"}, []string{"persistence"}},
		{"with and without a port", func(s *Service) {
			s.Servers = append(s.Servers, Server{Name: "b", Destination: Destination{Address: netip.MustParseAddrPort("198.51.100.12:0")}})
		}, nil, []string{"servers"}},
		{"too many", func(s *Service) {
			for a := netip.MustParseAddr("198.51.0.0"); len(s.Servers) <= MaxServers; a = a.Next() {
				s.Servers = append(s.Servers, Server{Destination: Destination{Address: netip.AddrPortFrom(a, 80)}})
			}
		}, nil, []string{"servers"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for kind, want := range map[PlaneKind][]string{IPVS: test.ipvs, NFTables: test.nftables} {
				var got []string
				for _, l := range kind.Lacks(plain(test.change)) {
					if l.Reason == "" || l.Remedy == "" {
						t.Errorf("%s: no reason or remedy: %+v", kind, l)
					}
					where := l.Setting
					if l.Server != "" {
						where += " " + l.Server
					}
					got = append(got, where)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s lacks (-want +got):\n%s", kind, diff)
				}
			}
		})
	}
}

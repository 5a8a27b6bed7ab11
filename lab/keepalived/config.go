// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package keepalived

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/lab"
)

// Config is a keepalived.conf.
type Config struct {
	Scripts   []Script
	Files     []File
	Instances []Instance
	// Services are balanced; with them there are no instances.
	Services []Service
}

// Instance is a vrrp_instance on a host's interface. It starts as BACKUP.
type Instance struct {
	Name      string // without it, "v" and the VRID
	VRID      uint8
	Version   int // 2 or 3
	Priority  int
	Interval  time.Duration
	NoPreempt bool
	// PreemptDelay is how long a better BACKUP waits before it takes over.
	PreemptDelay time.Duration
	Addresses    []netip.Prefix
	Excluded     []netip.Prefix
	// Source and Peers make it unicast.
	Source netip.Addr
	Peers  []netip.Addr
	// Scripts and Files are what moves its priority.
	Scripts []Track
	Files   []Track
	// Password is version 2's plain-text authentication.
	Password string
}

// name is the instance's name in the file and in the log.
func (i Instance) name() string {
	if i.Name != "" {
		return i.Name
	}
	return "v" + strconv.Itoa(int(i.VRID))
}

// String is the file.
func (c Config) String() string {
	var b strings.Builder
	for _, s := range c.Scripts {
		s.write(&b)
	}
	for _, f := range c.Files {
		f.write(&b)
	}
	for _, i := range c.Instances {
		i.write(&b)
	}
	for _, s := range c.Services {
		s.write(&b)
	}
	return b.String()
}

// write appends the instance's block.
func (i Instance) write(b *strings.Builder) {
	line := liner(b)
	fmt.Fprintf(b, "vrrp_instance %s {\n", i.name())
	line("state BACKUP")
	line("interface %s", lab.Interface)
	line("virtual_router_id %d", i.VRID)
	line("version %d", i.Version)
	line("priority %d", i.Priority)
	line("advert_int %s", seconds(i.Interval))
	if i.NoPreempt {
		line("nopreempt")
	}
	if i.PreemptDelay > 0 {
		line("preempt_delay %s", seconds(i.PreemptDelay))
	}
	if i.Password != "" {
		line("authentication {\n\t\tauth_type PASS\n\t\tauth_pass %s\n\t}", i.Password)
	}
	if i.Source.IsValid() {
		line("unicast_src_ip %s", i.Source)
		list(b, "unicast_peer", i.Peers)
	}
	list(b, "virtual_ipaddress", i.Addresses)
	list(b, "virtual_ipaddress_excluded", i.Excluded)
	list(b, "track_script", i.Scripts)
	list(b, "track_file", i.Files)
	b.WriteString("}\n")
}

// liner appends indented lines.
func liner(b *strings.Builder) func(format string, args ...any) {
	return func(format string, args ...any) { fmt.Fprintf(b, "\t"+format+"\n", args...) }
}

// seconds is a duration as the file has it.
func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// list appends a block of one thing per line, if there is any.
func list[T fmt.Stringer](b *strings.Builder, keyword string, things []T) {
	if len(things) == 0 {
		return
	}
	fmt.Fprintf(b, "\t%s {\n", keyword)
	for _, t := range things {
		fmt.Fprintf(b, "\t\t%s\n", t)
	}
	b.WriteString("\t}\n")
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/config"
)

const fileExample = `cluster: web
nodes:
  lb-1: {address: 192.0.2.10, priority: 150}
  lb-2: {address: 192.0.2.11, priority: 100}
routers:
  web:
    vrid: 51
    addresses: [192.0.2.100/24]
`

// filePage is vicar.yaml(5), made of what the schema says of each key.
func filePage(date time.Time, version string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(`.TH "VICAR.YAML" "5" "%s" "%s" "File Formats"`, date.Format("Jan 2006"), roff("vicar "+version))
	line(".SH NAME\nvicar.yaml \\- configuration of vicar")
	line(".SH SYNOPSIS\n.B /etc/vicar/vicar.yaml")
	line(".SH DESCRIPTION")
	line("%s", roff(`The configuration of vicar(8), in YAML. It names the nodes and what moves between them, and is the same file on all of them. It is read strictly: an unknown key, or a time without a unit, is an error. A file that is wrong is not used: vicar-reload(8) changes nothing then.`))
	line(".PP\n.nf\n.RS 4\n%s.RE\n.fi", roff(fileExample))
	line(".PP\n%s", roff("See whether a file is valid, and who holds the addresses after each failure, with vicar-check(8)."))
	line(".SH KEYS")
	line("%s", roff("NAME stands for the name of a node, router, sync group or check. Times have units, as 100ms, 1s or 5m."))
	section := ""
	for _, k := range config.Keys() {
		if top, _, _ := strings.Cut(k.Path, "."); top != section {
			section = top
			line(".SS %s", roff(section))
			if k.Path == section {
				line("%s", roff(k.Description))
				continue
			}
		}
		line(".TP\n.B %s\n%s", roff(k.Path), roff(k.Description))
	}
	line(".SH FILES")
	for _, f := range [][2]string{
		{"/etc/vicar/vicar.yaml", "the configuration"},
		{"/etc/vicar/keys", "the keys of the peer link, see vicar-keygen(8)"},
		{"/usr/share/vicar/vicar.schema.json", "the schema of this file, for editors"},
	} {
		line(".TP\n.I %s\n%s", roff(f[0]), roff(f[1]))
	}
	line(".SH SEE ALSO\n.BR vicar (8),\n.BR vicar\\-check (8),\n.BR vicar\\-reload (8)")
	line(".PP\n%s", roff("The whole manual, with examples: https://github.com/vicar-ha/vicar/blob/main/docs/configuration.md"))
	return b.String()
}

// roff is text as roff takes it literally.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`).Replace(text)
	lines := strings.SplitAfter(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "")
}

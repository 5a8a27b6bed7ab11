// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package house

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/proof"
)

// yamlBlock is a fenced block of YAML in a document.
var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// manual is the document whose blocks are all parts of a configuration, if not
// whole ones.
const manual = "docs/configuration.md"

// rest is what a part of a configuration may lack, by section.
var rest = []string{
	"cluster: web\n",
	"nodes: {lb-1: {address: 192.0.2.10, priority: 150}, lb-2: {address: 192.0.2.11, priority: 100}}\n",
	"routers: {web: {vrid: 51, addresses: [192.0.2.100/24]}}\n",
}

// whole completes a configuration's part.
func whole(text string) string {
	for _, part := range rest {
		section, _, _ := strings.Cut(part, ":")
		if !strings.Contains("\n"+text, "\n"+section+":") {
			text += part
		}
	}
	return text
}

// TestExamples wants every whole configuration in a document or a file of its
// own, and every part of one in the manual, to be valid, without a warning, and
// to be proved without a problem, also of two failures.
func TestExamples(t *testing.T) {
	tried := 0
	try := func(name, text string) {
		if !strings.Contains("\n"+text, "\ncluster:") {
			return
		}
		tried++
		c, err := config.Parse(name, []byte(text))
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
			return
		case len(c.Warnings) > 0:
			t.Errorf("%s: %v", name, c.Warnings)
		}
		for _, f := range proof.Prove(c, proof.Options{Pairs: true}).Problems() {
			t.Errorf("%s: %v: %s; %s", name, f.Routers, f.Text, f.Remedy)
		}
	}
	for _, name := range files(t, hasSuffix(".md")) {
		for i, m := range yamlBlock.FindAllStringSubmatch(read(t, name), -1) {
			text := m[1]
			if name == manual {
				text = whole(text)
			}
			try(fmt.Sprintf("%s, block %d", name, i+1), text)
		}
	}
	for _, name := range files(t, hasSuffix(".yaml")) {
		if strings.HasPrefix(name, "lab/") {
			continue // the demo's: nobody runs a service so
		}
		try(name, read(t, name))
	}
	if tried < 10 {
		t.Errorf("only %d examples found", tried)
	}
}

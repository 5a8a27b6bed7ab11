// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package house

import (
	"regexp"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/config"
)

// yamlBlock is a fenced block of YAML in a document.
var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// TestExamples wants every whole configuration in a document or a file of its
// own to be valid, without a warning. A part of one does not begin with
// cluster.
func TestExamples(t *testing.T) {
	examples := map[string][]string{}
	for _, name := range files(t, hasSuffix(".md")) {
		for _, m := range yamlBlock.FindAllStringSubmatch(read(t, name), -1) {
			examples[name] = append(examples[name], m[1])
		}
	}
	for _, name := range files(t, hasSuffix(".yaml")) {
		examples[name] = append(examples[name], read(t, name))
	}
	tried := 0
	for name, texts := range examples {
		for _, text := range texts {
			if !strings.HasPrefix(text, "cluster:") && !strings.Contains(text, "\ncluster:") {
				continue
			}
			tried++
			c, err := config.Parse(name, []byte(text))
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if len(c.Warnings) > 0 {
				t.Errorf("%s: %v", name, c.Warnings)
			}
		}
	}
	if tried == 0 {
		t.Error("no example found")
	}
}

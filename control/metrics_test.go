// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"bufio"
	"bytes"
	"flag"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/vicar-ha/vicar/status"
)

var update = flag.Bool("update", false, "write testdata anew")

// scrape is the part of a scrape that is vicar's own.
func scrape(t *testing.T, st status.Status) string {
	t.Helper()
	s := start(t, &backend{st: st})
	res := s.do(t, http.MethodGet, "/metrics")
	if res.StatusCode != http.StatusOK {
		t.Fatalf("scraping: %s", res.Status)
	}
	var own strings.Builder
	all := bufio.NewScanner(res.Body)
	for all.Scan() {
		if strings.Contains(all.Text(), "vicar_") {
			own.WriteString(all.Text() + "\n")
		}
	}
	return own.String()
}

func TestMetrics(t *testing.T) {
	got := normal(scrape(t, full()))
	if *update {
		if err := os.WriteFile("testdata/metrics.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("scrape (-want +got):\n%s", diff)
	}
}

// normal hides the version of Go.
func normal(s string) string {
	const label = `goversion="`
	i := strings.Index(s, label)
	if i < 0 {
		return s
	}
	i += len(label)
	return s[:i] + "go" + s[i+strings.IndexByte(s[i:], '"'):]
}

// A young agent has no routers, no links and no lateness.
func TestMetricsOfNothing(t *testing.T) {
	got := scrape(t, status.Status{})
	if !strings.Contains(got, MetricLateness+`_count{cluster=""} 0`) {
		t.Errorf("scrape lacks an empty histogram:\n%s", got)
	}
}

func TestMetricsLint(t *testing.T) {
	problems, err := promlint.New(strings.NewReader(scrape(t, full()))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestMetricsHaveProcessAndGo(t *testing.T) {
	s := start(t, &backend{})
	body, err := io.ReadAll(s.do(t, http.MethodGet, "/metrics").Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go_goroutines ", "process_cpu_seconds_total "} {
		if !bytes.Contains(body, []byte("\n"+name)) {
			t.Errorf("scrape lacks %s", name)
		}
	}
}

// docs/metrics.md tells name, type and labels of each metric, and no others.
func TestMetricsDocument(t *testing.T) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(snapshot{st: full(), descs: newDescs()})
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range families {
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		got = append(got, row(f.GetName(), strings.ToLower(f.GetType().String()), labels))
	}
	if len(got) != len(newDescs()) {
		t.Errorf("the full status makes %d metrics of %d", len(got), len(newDescs()))
	}
	doc, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(doc)) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		labels := strings.FieldsFunc(cells[3], func(r rune) bool { return r == ' ' || r == ',' })
		want = append(want, row(strings.Trim(cells[1], " `"), strings.TrimSpace(cells[2]), labels))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-documented +real):\n%s", diff)
	}
}

func row(name, kind string, labels []string) string {
	slices.Sort(labels)
	return name + " " + kind + " " + strings.Join(labels, ",")
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/proof"
)

func (a *app) checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [FILE...]",
		Short: "Check configuration files",
		Long: `Checks configuration files and shows what they mean. All that is wrong is shown
at once, with its place and what to write instead. Then it proves who holds each
router's addresses after every single failure: a node that dies, a check that
fails, and checks that one cause makes fail together. Nothing is needed from the
host: a file can be checked anywhere. Without a file it is ` + defaultConfig + `;
- is the standard input.`,
		Args: cobra.ArbitraryArgs,
	}
	var o checkOptions
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	cmd.Flags().BoolVar(&o.strict, "strict", false, "take warnings for errors, and the proof's notes for problems")
	cmd.Flags().BoolVar(&o.pairs, "pairs", false, "prove pairs of failures, too")
	cmd.Flags().BoolVar(&o.all, "all", false, "show every failure of long tables")
	cmd.RunE = a.do(func(cmd *cobra.Command, files []string) error {
		if len(files) == 0 {
			files = []string{defaultConfig}
		}
		results := make([]result, len(files))
		for i, f := range files {
			results[i] = check(f, cmd.InOrStdin(), o)
		}
		return a.report(results, o)
	})
	return cmd
}

type checkOptions struct{ json, strict, pairs, all bool }

// result is what was found in a file.
type result struct {
	File     string        `json:"file"`
	Valid    bool          `json:"valid"`
	Errors   config.Errors `json:"errors"`
	Warnings config.Errors `json:"warnings"`

	// Report is there if the file is valid.
	Report *report `json:"report,omitempty"`

	fail error // the file could not be read
}

// report is what a configuration amounts to, and what becomes of it.
type report struct {
	config.Report
	Proof proof.Report `json:"proof"`
}

// check reads the file, or with - what stdin has.
func check(file string, stdin io.Reader, o checkOptions) result {
	r := result{File: file, Errors: config.Errors{}, Warnings: config.Errors{}}
	var cfg *config.Config
	var err error
	if file == "-" {
		r.File = "the standard input"
		cfg, err = config.Read(r.File, stdin)
	} else {
		cfg, err = config.Load(file)
	}
	if errs, ok := errors.AsType[config.Errors](err); ok {
		r.Errors = errs
		return r
	}
	if err != nil {
		r.fail = err
		r.Errors = config.Errors{{File: file, Message: err.Error()}}
		return r
	}
	r.Valid, r.Report = true, &report{cfg.Report(), proof.Prove(cfg, proof.Options{Pairs: o.pairs})}
	r.Warnings = append(r.Warnings, r.Report.Warnings...)
	r.Report.Warnings = nil // they have their place above
	return r
}

// report shows the results.
func (a *app) report(results []result, o checkOptions) error {
	if o.json {
		if err := a.printJSON(map[string]any{"files": results}); err != nil {
			return err
		}
	} else {
		for i, r := range results {
			if err := a.reportOne(r, o, i > 0); err != nil {
				return err
			}
		}
	}
	return a.verdict(results, o.strict)
}

// verdict is the exit code: that of the worst. A file that could not be read is
// worse than one that is not valid, and that is worse than what was proved.
func (a *app) verdict(results []result, strict bool) error {
	var failed, invalid, warned, problem, noted bool
	for _, r := range results {
		failed = failed || r.fail != nil
		invalid = invalid || !r.Valid
		warned = warned || len(r.Warnings) > 0
		if r.Valid {
			problem = problem || len(r.Report.Proof.Problems()) > 0
			noted = noted || len(r.Report.Proof.Notes()) > 0
		}
	}
	switch {
	case failed:
		return reported(exitFailure)
	case invalid:
		return reported(exitConfig)
	case strict && warned:
		_, _ = io.WriteString(a.stderr, "vicar: with --strict a warning is an error\n")
		return reported(exitConfig)
	case problem:
		return reported(exitProof)
	case strict && noted:
		_, _ = io.WriteString(a.stderr, "vicar: with --strict a note is a problem\n")
		return reported(exitProof)
	default:
		return nil
	}
}

func (a *app) reportOne(r result, o checkOptions, further bool) error {
	switch {
	case r.fail != nil:
		_, _ = fmt.Fprintf(a.stderr, "vicar: %v\n", r.fail)
		return nil
	case !r.Valid:
		_, _ = io.WriteString(a.stderr, r.Errors.Excerpts())
		return nil
	}
	for _, w := range r.Warnings {
		_, _ = io.WriteString(a.stderr, "warning: "+w.Excerpt())
	}
	text := summary(r.File, r.Report.Report, a.paint()) + renderProof(r.Report.Proof, o.all, a.paint())
	if further {
		text = "\n" + text
	}
	return a.print(text)
}

// summary is what a configuration means.
func summary(file string, r config.Report, p paint) string {
	head := fmt.Sprintf("%s is valid: cluster %s, nodes %s, %s, digest %s\n",
		file, p.text(bold, r.Cluster), nodeNames(r.Nodes), r.Transport, r.Digest)
	columns := []string{"ROUTER", "VRID", "VERSION", "INTERVAL", "PREEMPT", "ADDRESSES", "NODE", "PRIORITY", "INTERFACE", "DETECTS IN"}
	if r.Guard != nil {
		columns = append(columns, "LEASE")
	}
	rows := [][]cell{heading(columns...)}
	for _, router := range r.Routers {
		of := summaryRows(router)
		if r.Guard != nil {
			of[0] = append(of[0], cell{text: leaseOf(r, router.Name)})
		}
		rows = append(rows, of...)
	}
	return head + guardSummary(r) + "\n" + table(p, rows) + cloudSummary(r, p) + poolSummary(r, p)
}

// summaryRows is a line per address and node, whichever are more. The nodes
// stand in the order in which they take over.
func summaryRows(r config.ReportRouter) [][]cell {
	all := shortList(r)
	rows := make([][]cell, max(len(all), len(r.Candidates), 1))
	for i := range rows {
		row := make([]cell, 10)
		if i == 0 {
			for j, text := range []string{r.Name, strconv.Itoa(r.VRID), strconv.Itoa(r.Version), r.Interval.String(), preempt(r)} {
				row[j].text = text
			}
		}
		if i < len(all) {
			row[5].text = all[i]
		}
		if i < len(r.Candidates) {
			c := r.Candidates[i]
			row[6].text, row[7].text, row[8].text = c.Node, strconv.Itoa(c.Priority), c.Interface
			row[9].text = c.Detection.Round(100 * time.Microsecond).String()
			if c.Tie {
				row[7] = cell{row[7].text + " (tie)", yellow}
			}
		}
		rows[i] = row
	}
	return rows
}

// shortList is the addresses, one per line, and how many there are beyond some.
func shortList(r config.ReportRouter) []string {
	const most = 4
	var all []string
	for _, a := range r.Addresses {
		all = append(all, a.String())
	}
	for _, a := range r.Exclude {
		all = append(all, a.String()+" (excluded)")
	}
	if len(all) > most {
		all = append(all[:most-1], fmt.Sprintf("and %d more", len(all)-most+1))
	}
	return all
}

func preempt(r config.ReportRouter) string {
	switch {
	case !r.Preempt:
		return "no"
	case r.Delay > 0:
		return "after " + r.Delay.String()
	default:
		return "yes"
	}
}

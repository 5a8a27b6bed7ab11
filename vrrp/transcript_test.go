// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/*.txt anew")

// TestTranscripts plays testdata/*.txt: the stories of the protocol as events
// and, indented, the actions and timers that follow.
//
//	router [KEY=VALUE]...       a member of the group; 192.0.2.10, priority 100, interval 1s
//	WHEN [MEMBER:]EVENT [ARG]...   WHEN: 1.5s, +1s (after the event before), due or due+1s (its timer)
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := play(string(text))
			switch {
			case err != nil:
				t.Fatal(err)
			case got == string(text):
			case *rewrite:
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Errorf("it went otherwise (-rewrite accepts it):\n%s", got)
			}
		})
	}
}

// player is a transcript being played.
type player struct {
	engines []*Engine
	group   *Group
	timers  []string // as last shown, by member
	now     time.Time
}

func play(text string) (string, error) {
	var out strings.Builder
	p := &player{now: t0}
	for n, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.HasPrefix(line, " ") {
			continue
		}
		out.WriteString(line + "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		shown, err := p.line(strings.Fields(line))
		if err != nil {
			return "", fmt.Errorf("line %d: %w", n+1, err)
		}
		for _, s := range shown {
			out.WriteString("    " + s + "\n")
		}
	}
	return out.String(), nil
}

func (p *player) line(words []string) ([]string, error) {
	if words[0] == "router" {
		return nil, p.router(words[1:])
	}
	if p.group == nil {
		p.group = NewGroup(p.engines...)
		for i := range p.engines {
			p.group.Step(p.now, i, SetPrimary{self})
		}
	}
	member := 0
	if len(words) > 1 && words[1][1] == ':' {
		member, words[1] = int(words[1][0]-'0'), words[1][2:]
	}
	ev, err := parseEvent(p.engines[member].cfg, words[1:])
	if err != nil {
		return nil, err
	}
	if err := p.when(words[0], member); err != nil {
		return nil, err
	}
	var out []string
	for _, a := range p.group.Step(p.now, member, ev) {
		out = append(out, p.prefix(a.Member)+describe(a.Action))
	}
	return append(out, p.showTimers()...), nil
}

func (p *player) prefix(member int) string {
	if len(p.engines) == 1 {
		return ""
	}
	return strconv.Itoa(member) + ": "
}

// showTimers is the timers that have changed.
func (p *player) showTimers() []string {
	var out []string
	for i, e := range p.engines {
		timer := "no timer"
		if due, ok := e.Deadline(); ok {
			timer = "timer " + due.Sub(t0).String()
		}
		if timer != p.timers[i] {
			p.timers[i] = timer
			out = append(out, p.prefix(i)+timer)
		}
	}
	return out
}

func (p *player) when(word string, member int) error {
	base := t0
	if rest, ok := strings.CutPrefix(word, "due"); ok {
		due, armed := p.engines[member].Deadline()
		if !armed {
			return errors.New("no timer runs")
		}
		base, word = due, strings.TrimPrefix(rest, "+")
		if word == "" {
			word = "0s"
		}
	} else if rest, ok := strings.CutPrefix(word, "+"); ok {
		base, word = p.now, rest
	}
	d, err := time.ParseDuration(word)
	if err == nil && base.Add(d).Before(p.now) {
		err = fmt.Errorf("%s has passed", word)
	}
	p.now = base.Add(d)
	return err
}

func (p *player) router(words []string) error {
	cfg, err := parseConfig(standard(), words)
	if err != nil {
		return err
	}
	e, err := New(cfg)
	p.engines = append(p.engines, e)
	p.timers = append(p.timers, "no timer")
	return err
}

func parseConfig(cfg Config, words []string) (Config, error) {
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		var err error
		var n uint64
		switch key {
		case "version":
			n, err = strconv.ParseUint(value, 10, 8)
			cfg.Version = wire.Version(n)
		case "vrid":
			n, err = strconv.ParseUint(value, 10, 8)
			cfg.VRID = uint8(n)
		case "priority":
			n, err = strconv.ParseUint(value, 10, 8)
			cfg.Priority = uint8(n)
		case "interval":
			cfg.Interval, err = time.ParseDuration(value)
		case "guarded":
			cfg.Guarded = true
		case "preempt":
			if cfg.Preempt = value != "false"; cfg.Preempt {
				cfg.PreemptDelay, err = time.ParseDuration(value)
			}
		default:
			err = fmt.Errorf("unknown key %q", key)
		}
		if err != nil {
			return cfg, err
		}
	}
	return cfg, nil
}

func parseEvent(cfg Config, words []string) (Event, error) {
	rest := strings.Join(words[1:], " ")
	number, _ := strconv.ParseUint(strings.Split(rest+" ", " ")[0], 10, 64)
	var failure error
	if _, text, ok := strings.Cut(rest, "error "); ok {
		failure = errors.New(text)
	}
	switch words[0] {
	case "start":
		return Start{}, nil
	case "stop":
		return Stop{}, nil
	case "tick":
		return Tick{}, nil
	case "priority":
		return SetPriority{uint8(number)}, nil
	case "primary":
		a, err := netip.ParseAddr(rest)
		return SetPrimary{a}, err
	case "fault":
		return Fault{rest}, nil
	case "clear":
		return Clear{}, nil
	case "damp": // ON|OFF|WHOLLY
		return Dampen{On: rest != "off", Wholly: rest == "wholly"}, nil
	case "configure":
		cfg, err := parseConfig(cfg, words[1:])
		return Reconfigure{cfg}, err
	case "granted": // TERM
		return Granted{number}, nil
	case "revoked":
		return Revoked{rest}, nil
	case "leave":
		return Leave{rest}, nil
	case "succeed":
		return Succeed{rest}, nil
	case "held":
		return Settled{Term: number, Held: true, Err: failure}, nil
	case "gone":
		return Settled{Term: number, Err: failure}, nil
	case "heard": // ADDRESS PRIORITY [INTERVAL]
		return parseAdvert(cfg, words[1:])
	default:
		return nil, fmt.Errorf("unknown event %q", words[0])
	}
}

func parseAdvert(cfg Config, words []string) (Event, error) {
	from, err := netip.ParseAddr(words[0])
	if err != nil {
		return nil, err
	}
	priority, err := strconv.ParseUint(words[1], 10, 8)
	ad := &wire.Advert{
		Version: cfg.Version, VRID: cfg.VRID, Priority: uint8(priority), Interval: cfg.Interval, Addresses: cfg.Addresses,
	}
	if err == nil && len(words) > 2 {
		ad.Interval, err = time.ParseDuration(words[2])
	}
	return Received{from, ad}, err
}

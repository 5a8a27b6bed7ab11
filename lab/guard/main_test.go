// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/vicar"
)

var (
	runs    = flag.Int("guard.runs", 2, "how often each scenario is gone through")
	seed    = flag.Uint64("guard.seed", 0, "what chance begins with; 0: another one each time")
	stories = flag.Bool("guard.stories", false, "print what happened in runs that passed, too")
	freeze  = flag.Duration("guard.freeze", 2*time.Second, "how long an agent is frozen at most")
)

// binary is the path of vicar's binary, set once before the tests.
var binary string

// results is what came of the tests' runs, printed at their end.
var results table

// parallel is how many worlds there are at once. They mostly wait, but their
// probers want the processor in time.
const parallel = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", parallel); err != nil {
		panic(err)
	}
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	os.Exit(vicar.Main(&binary, func() int { return run(m) }))
}

func run(m *testing.M) int {
	code := m.Run()
	if err := results.write(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

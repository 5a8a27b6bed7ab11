// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package container tests the recipe of the image without an engine: its root is
// made by hand, as the recipe's instructions say, and run as an engine would.
package container

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/vicar"
)

const certificates = "/etc/ssl/certs/ca-certificates.crt"

var binary string

func TestMain(m *testing.M) { os.Exit(vicar.Main(&binary, m.Run)) }

// stage is a part of the recipe that begins with FROM.
type stage struct {
	name         string
	instructions [][2]string // a word, and what follows
}

// recipe reads the Containerfile.
func recipe(t *testing.T) map[string]stage {
	t.Helper()
	text, err := os.ReadFile("Containerfile")
	labtest.OK(t, err)
	stages := map[string]stage{}
	var s stage
	for line := range strings.Lines(string(text)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word == "" || strings.HasPrefix(word, "#") {
			continue
		}
		if word == "FROM" {
			_, name, ok := strings.Cut(rest, " AS ")
			if !ok {
				t.Fatalf("a stage without a name: %s", line)
			}
			s = stage{name: name}
		}
		s.instructions = append(s.instructions, [2]string{word, rest})
		stages[s.name] = s
	}
	return stages
}

// of are what follows the word, each time.
func (s stage) of(word string) []string {
	var all []string
	for _, i := range s.instructions {
		if i[0] == word {
			all = append(all, i[1])
		}
	}
	return all
}

// words are a list in JSON, as in CMD ["a", "b"].
func words(t *testing.T, text string) []string {
	t.Helper()
	var list []string
	if err := json.Unmarshal([]byte(text[strings.Index(text, "["):]), &list); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return list
}

// build runs what the recipe runs after make, below a directory that stands for the
// root of its first stage.
func build(t *testing.T, s stage) string {
	t.Helper()
	labtest.Need(t, "setcap", "getcap", "setpriv", "chroot")
	dir := t.TempDir()
	labtest.OK(t, os.Chmod(dir, 0o755))
	labtest.OK(t, os.MkdirAll(filepath.Join(dir, "src/bin"), 0o755))
	text, err := os.ReadFile(binary)
	labtest.OK(t, err)
	labtest.OK(t, os.WriteFile(filepath.Join(dir, "src/bin/vicar"), text, 0o755))
	made := 0
	for _, run := range s.of("RUN") {
		if strings.HasPrefix(run, "apt-get") || strings.HasPrefix(run, "make") {
			continue
		}
		made++
		// Absolute paths are the stage's.
		sh(t, filepath.Join(dir, "src"), regexp.MustCompile(` /`).ReplaceAllString(run, " "+dir+"/"))
	}
	if made != 3 {
		t.Errorf("%d instructions make the stage", made)
	}
	labtest.OK(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(certificates)), 0o755))
	labtest.OK(t, os.WriteFile(filepath.Join(dir, certificates), nil, 0o644))
	return dir
}

// root is a final stage's.
func root(t *testing.T, s stage, from string) string {
	t.Helper()
	dir := t.TempDir()
	labtest.OK(t, os.Chmod(dir, 0o755))
	for _, c := range s.of("COPY") {
		f := strings.Fields(c)
		if len(f) != 3 || f[0] != "--from=build" {
			t.Fatalf("COPY %s", c)
		}
		source := filepath.Join(from, f[1])
		if info, err := os.Stat(source); err != nil {
			t.Fatalf("COPY %s: %v", c, err)
		} else if info.IsDir() {
			source += "/."
		}
		to := filepath.Join(dir, f[2])
		labtest.OK(t, os.MkdirAll(filepath.Dir(to), 0o755))
		sh(t, dir, "cp -a '"+source+"' '"+to+"'")
	}
	return dir
}

// engine is a command that does for a process of the image what an engine does: its
// root, its user, /proc and /dev, and no capability but those that are allowed.
func engine(t *testing.T, s stage, root, allowed string, args ...string) []string {
	t.Helper()
	user := s.of("USER")
	if len(user) != 1 || user[0] != "65532:65532" {
		t.Fatalf("USER %v", user)
	}
	const script = `root=$1 allowed=$2 user=$3
shift 3
mkdir -p "$root/proc" "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/dev"
touch "$root/dev/null"
mount --bind /dev/null "$root/dev/null"
exec setpriv --inh-caps=-all --bounding-set="-all,+sys_chroot,+setuid,+setgid$allowed" chroot --userspec="$user" "$root" "$@"`
	return append([]string{"unshare", "--mount", "sh", "-ec", script, "sh", root, allowed, user[0]}, args...)
}

func sh(t *testing.T, dir, script string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

const file = `cluster: web
nodes:
  lb-1: {address: 192.0.2.10}
  arbiter: {address: 192.0.2.11, witness: true}
peer_link: {keys_file: /etc/vicar/keys}
routers:
  web: {vrid: 51, interface: eth0, advert_interval: 100ms, addresses: [192.0.2.100/24]}
`

// configure puts a file and keys into a root, as a volume of the user's.
func configure(t *testing.T, root string) {
	t.Helper()
	labtest.OK(t, os.WriteFile(filepath.Join(root, "etc/vicar/vicar.yaml"), []byte(file), 0o644))
	sh(t, root, "'"+binary+"' keygen -o etc/vicar/keys >/dev/null; chown 65532:65532 etc/vicar/keys")
}

// TestAgent runs the image's agent, with the capabilities that docs/install.md names
// and as a user who is not root: it takes the address, and its guardian is there.
func TestAgent(t *testing.T) {
	stages := recipe(t)
	l := labtest.New(t)
	s := stages["agent"]
	dir := root(t, s, build(t, stages["build"]))
	configure(t, dir)
	h := labtest.Host(t, l, "lb-1", "192.0.2.10/24")
	entry, command := words(t, s.of("ENTRYPOINT")[0]), words(t, s.of("CMD")[0])
	argv := engine(t, s, dir, ",+net_admin,+net_raw,+bpf", append(entry, command...)...)
	p := labtest.Start(t, h, argv[0], argv[1:]...)
	labtest.Eventually(t, 20*time.Second, "address", func() bool {
		if p.Ended() {
			t.Fatalf("the agent has ended: %v\n%s", p.Wait(), p.Output)
		}
		has, err := h.Has(netip.MustParseAddr("192.0.2.100"))
		return err == nil && has
	})
	sees(t, h, s, dir)

	guardian := ""
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.Pid()))
	for _, name := range threads {
		text, _ := os.ReadFile(name) // a thread may have ended
		guardian += string(text)
	}
	if len(strings.Fields(guardian)) != 1 {
		t.Errorf("the agent's children are %q, not a guardian", guardian)
	}
	labtest.OK(t, p.Stop(20*time.Second))
}

// TestWitness: without any capability.
func TestWitness(t *testing.T) {
	stages := recipe(t)
	l := labtest.New(t)
	s := stages["witness"]
	dir := root(t, s, build(t, stages["build"]))
	configure(t, dir)
	h := labtest.Host(t, l, "arbiter", "192.0.2.11/24")
	argv := engine(t, s, dir, "", append(words(t, s.of("ENTRYPOINT")[0]), words(t, s.of("CMD")[0])...)...)
	p := labtest.Start(t, h, argv[0], argv[1:]...)
	labtest.Eventually(t, 20*time.Second, "socket", func() bool {
		if p.Ended() {
			t.Fatalf("the witness has ended: %v\n%s", p.Wait(), p.Output)
		}
		_, err := os.Stat(filepath.Join(dir, "run/vicar/vicar.sock"))
		return err == nil
	})
	sees(t, h, s, dir)
}

// sees runs the image's health check.
func sees(t *testing.T, h *lab.Host, s stage, dir string) {
	t.Helper()
	health := s.of("HEALTHCHECK")[0]
	argv := engine(t, s, dir, ",+net_admin,+net_raw,+bpf", words(t, health)...)
	if out, err := h.Run(t.Context(), argv[0], argv[1:]...); err != nil || !strings.Contains(out, `"routers"`) {
		t.Errorf("HEALTHCHECK %s: %v\n%s", health, err, out)
	}
}

// TestWithheld: an engine that withholds a capability can't start the agent's
// image, as docs/install.md says, and the health check fails without an agent.
func TestWithheld(t *testing.T) {
	stages := recipe(t)
	l := labtest.New(t)
	s := stages["agent"]
	dir := root(t, s, build(t, stages["build"]))
	h := labtest.Host(t, l, "lb-1", "192.0.2.10/24")
	argv := engine(t, s, dir, ",+net_admin,+net_raw", "/usr/bin/vicar", "version")
	if out, err := h.Run(t.Context(), argv[0], argv[1:]...); err == nil || !strings.Contains(out, "Operation not permitted") {
		t.Errorf("without CAP_BPF: %v\n%s", err, out)
	}
	argv = engine(t, s, dir, ",+net_admin,+net_raw,+bpf", words(t, s.of("HEALTHCHECK")[0])...)
	if out, err := h.Run(t.Context(), argv[0], argv[1:]...); err == nil {
		t.Errorf("the health check passes without an agent:\n%s", out)
	}
}

// TestRecipe: both images are the same but for the capabilities, of which the
// recipe, the unit and the manual name the same.
func TestRecipe(t *testing.T) {
	stages := recipe(t)
	agent, witness := stages["agent"], stages["witness"]
	for i, instruction := range agent.instructions {
		other := witness.instructions[i]
		if instruction != other && instruction[0] != "FROM" && instruction[1] != "--from=build /agent /" {
			t.Errorf("the agent's %v is the witness's %v", instruction, other)
		}
	}
	if n := len(witness.of("FROM")) + len(agent.of("FROM")); n != 2 || !strings.HasPrefix(agent.of("FROM")[0], "scratch ") {
		t.Errorf("the image is made from %v", agent.of("FROM"))
	}
	unit, err := os.ReadFile("../systemd/vicar.service")
	labtest.OK(t, err)
	manual, err := os.ReadFile("../../docs/install.md")
	labtest.OK(t, err)
	m := regexp.MustCompile(`setcap (\S+)=ep`).FindStringSubmatch(strings.Join(stages["build"].of("RUN"), "\n"))
	if m == nil {
		t.Fatal("no setcap")
	}
	names := strings.Split(m[1], ",")
	if want := "AmbientCapabilities=" + strings.ToUpper(strings.Join(names, " ")) + "\n"; !strings.Contains(string(unit), want) {
		t.Errorf("the unit has not %s", want)
	}
	for _, name := range names {
		if flag := "--cap-add " + strings.ToUpper(strings.TrimPrefix(name, "cap_")); !strings.Contains(string(manual), flag) {
			t.Errorf("docs/install.md has not %s", flag)
		}
	}
}

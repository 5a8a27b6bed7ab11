// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package uml

import (
	"bufio"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vicar-ha/vicar/lab"
)

const (
	memory   = 512 << 20
	bootTime = time.Minute      // on a busy machine
	offTime  = 20 * time.Second // from the program's end to the kernel's
	drain    = time.Second      // for what an ended kernel wrote

	beginMark = "vicar guest: begin" // see boot.sh
	endMark   = "vicar guest: end"
)

//go:embed boot.sh
var bootScript []byte

// modules are loaded in every guest, with what they depend on: what networks in
// namespaces are made of, and IPVS. Those of tunnels come when they are asked for,
// as each puts a device into every namespace; fou does neither.
var modules = strings.Fields(`
	ipv6 bridge dummy macvlan veth 8021q
	fou fou6 sch_netem sch_tbf sch_ingress inet_diag tcp_diag udp_diag
	nf_conntrack nf_conntrack_netlink nf_nat nf_tables
	ip_vs ip_vs_rr ip_vs_wrr ip_vs_lc ip_vs_wlc ip_vs_sh ip_vs_mh ip_vs_dh ip_vs_sed ip_vs_nq ip_vs_lblc ip_vs_lblcr ip_vs_ovf ip_vs_fo
`)

// guest is a kernel and its program.
type guest struct {
	program Program
	dir     string // of its own, to be removed by the caller

	console lab.Output // what the kernel said
	began   chan struct{}
	ended   chan struct{} // closed: the output is whole
}

// run boots, runs the program, and waits for the kernel's end.
func (g *guest) run(ctx context.Context) (int, error) {
	if err := g.write(); err != nil {
		return 0, fmt.Errorf("preparing the guest: %w", err)
	}
	out, in, err := os.Pipe()
	if err != nil {
		return 0, fmt.Errorf("making a pipe: %w", err)
	}
	defer out.Close()
	defer in.Close()
	cmd, err := g.command(in)
	if err != nil {
		return 0, err
	}

	// The thread that starts it must outlive it (see prctl(2) on PDEATHSIG).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting the kernel: %w", err)
	}
	_ = in.Close()
	g.began, g.ended = make(chan struct{}), make(chan struct{})
	gone, read, watched := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(read)
		g.read(out)
	}()
	var late error
	go func() {
		defer close(watched)
		if late = g.watch(ctx, gone); late != nil {
			_ = cmd.Process.Kill()
		}
	}()
	_ = cmd.Wait() // its status is in cmd
	close(gone)
	<-watched
	_ = out.SetReadDeadline(time.Now().Add(drain))
	<-read
	return g.verdict(late, cmd.ProcessState.String())
}

// watch waits for each step of the guest in its time.
func (g *guest) watch(ctx context.Context, gone <-chan struct{}) error {
	for _, step := range []struct {
		name   string
		within time.Duration
		done   <-chan struct{}
	}{
		{"the kernel has not booted", bootTime, g.began},
		{"the program has not ended", g.program.Within, g.ended},
		{"the kernel has not ended", offTime, gone},
	} {
		limit := time.NewTimer(step.within)
		defer limit.Stop()
		select {
		case <-step.done:
		case <-gone:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-limit.C:
			return fmt.Errorf("%s within %v", step.name, step.within)
		}
	}
	return nil
}

// verdict is the program's exit status, or why there is none.
func (g *guest) verdict(late error, exit string) (int, error) {
	text, err := os.ReadFile(filepath.Join(g.dir, "status"))
	switch {
	case late != nil:
		return 0, fmt.Errorf("%w; its console:\n%s", late, g.tail())
	case !closed(g.began):
		return 0, fmt.Errorf("the kernel ended before the program began (%s); its console:\n%s", exit, g.tail())
	case err != nil:
		return 0, fmt.Errorf("the kernel ended before the program did (%s); its console:\n%s", exit, g.tail())
	case !closed(g.ended):
		return 0, fmt.Errorf("the end of the program's output is missing; the console:\n%s", g.tail())
	}
	status, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("reading the exit status: %w", err)
	}
	return status, nil
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// read hands the program's lines on until nobody can write any more.
func (g *guest) read(out *os.File) {
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		line = strings.TrimSuffix(line, "\n")
		rest, last := strings.CutSuffix(line, endMark)
		switch {
		case closed(g.ended):
		case !closed(g.began):
			if line == beginMark {
				close(g.began)
			}
		case last:
			if rest != "" { // the program did not end its last line
				g.program.Line(rest)
			}
			close(g.ended)
		case err == nil || line != "":
			g.program.Line(line)
		}
		if err != nil {
			return
		}
	}
}

// command is the kernel's. The processes that it has for itself and for its
// programs outlive it if it panics or is killed, so a shell above it is the first
// process of a namespace, with which all end.
func (g *guest) command(output *os.File) (*exec.Cmd, error) {
	path, err := exec.LookPath(kernel)
	if err != nil {
		return nil, err
	}
	//nolint:noctx // run kills it
	cmd := exec.Command("sh", "-c", `"$@"; exit $?`, "sh", path,
		"mem="+strconv.Itoa(memory>>20)+"M", "rootfstype=hostfs", "rootflags=/", "ro",
		"init="+filepath.Join(g.dir, "boot.sh"), "uml_dir="+g.dir, "umid=kernel",
		"con=null", "con0=null,fd:1", "con1=null,fd:3", "ssl=null")
	cmd.Dir = g.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + g.memoryDir()}
	cmd.Stdout, cmd.Stderr = &g.console, &g.console
	cmd.ExtraFiles = []*os.File{output}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Cloneflags: syscall.CLONE_NEWPID}
	cmd.WaitDelay = drain
	return cmd, nil
}

// memoryDir is where the guest's memory is mapped from: memory if there is enough.
func (g *guest) memoryDir() string {
	const shm = "/dev/shm"
	var fs syscall.Statfs_t
	if err := syscall.Statfs(shm, &fs); err == nil && fs.Bavail*uint64(fs.Bsize) > memory {
		return shm
	}
	return g.dir
}

// write writes what boot.sh wants to find beside it.
func (g *guest) write() error {
	versions, err := os.ReadDir(library)
	if err != nil {
		return err
	}
	lib := filepath.Join(g.dir, "lib", "modules")
	if err := os.MkdirAll(lib, 0o755); err != nil {
		return err
	}
	for _, v := range versions { // of which one is the kernel's
		if err := os.Symlink(filepath.Join(library, v.Name()), filepath.Join(lib, v.Name())); err != nil {
			return err
		}
	}
	p := g.program
	env := append([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/tmp", "TMPDIR=/tmp", "LC_ALL=C.UTF-8", GuestVariable + "=1",
	}, p.Env...)
	script := "cd " + quote(p.Dir) + " && exec env -i " + quote(env...) + " " + quote(p.Path) + " " + quote(p.Args...) + "\n"
	for name, text := range map[string]string{
		"boot.sh": string(bootScript),
		"mounts":  strings.Join(tops(p.Path, p.Dir), "\n"),
		"modules": strings.Join(append(slices.Clone(modules), p.Modules...), "\n"),
		"program": script,
	} {
		if err := os.WriteFile(filepath.Join(g.dir, name), []byte(text), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// tail is the end of what the kernel said.
func (g *guest) tail() string {
	const most = 40
	lines := strings.Split(strings.TrimSpace(g.console.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "\n")
}

// tops are the directories right below /tmp and /run that the paths are in.
func tops(paths ...string) []string {
	var out []string
	for _, p := range paths {
		parts := strings.SplitN(filepath.Clean(p), "/", 4)
		if len(parts) > 2 && (parts[1] == "tmp" || parts[1] == "run") {
			out = append(out, "/"+parts[1]+"/"+parts[2])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// quote is the words for a shell.
func quote(words ...string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	return strings.Join(out, " ")
}

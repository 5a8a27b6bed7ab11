// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vicar

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/vicar-ha/vicar/control"
	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/status"
)

// Agent is a vicar on a host.
type Agent struct {
	*lab.Process
	host        *lab.Host
	node        string
	binary      string
	dir, config string
	args        []string
	client      *control.Client
}

// Start runs the binary on a host as the node of the host's name, with its
// files in dir, which is its own. An agent that is started with another's dir
// is that one's successor.
func Start(h *lab.Host, binary, dir string, c Config) (*Agent, error) {
	return StartAs(h, h.Name, binary, dir, c)
}

// StartUnprivileged is Start as a user who is not root, to whom dir and what is
// in it is given.
func StartUnprivileged(h *lab.Host, user uint32, binary, dir string, c Config) (*Agent, error) {
	return start(h, h.Name, binary, dir, c, user)
}

// StartAs is Start as another node than the host.
func StartAs(h *lab.Host, node, binary, dir string, c Config) (*Agent, error) {
	return start(h, node, binary, dir, c, 0)
}

func start(h *lab.Host, node, binary, dir string, c Config, user uint32) (*Agent, error) {
	a := &Agent{host: h, node: node, binary: binary, dir: dir, config: filepath.Join(dir, "vicar.yaml")}
	a.client = control.Dial(a.socket())
	if err := a.write(c); err != nil {
		return nil, err
	}
	a.args = []string{"run", "-c", a.config, "--node", node, "--runtime-dir", dir}
	if c.PeerLink != nil || c.Pools != nil {
		a.args = append(a.args, "--state-dir", filepath.Join(dir, "state"))
	}
	cmd := h.Command(binary, a.args...)
	if user != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
		for _, path := range []string{dir, a.config, a.keys()} {
			if err := os.Chown(path, int(user), int(user)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, fmt.Errorf("giving vicar its files: %w", err)
			}
		}
	}
	var err error
	a.Process, err = h.Start(cmd)
	return a, err
}

// Again runs an agent that has ended once more, with its files as they are,
// until it ends, and returns what it wrote.
func (a *Agent) Again(ctx context.Context) (string, error) {
	return a.host.Run(ctx, a.binary, a.args...)
}

// Tell runs a command of vicar that talks to the agent, such as drain, and
// returns what it wrote.
func (a *Agent) Tell(ctx context.Context, args ...string) (string, error) {
	return a.host.Run(ctx, a.binary, append(args, "--socket", a.socket())...)
}

// Doctor runs vicar doctor on the host with the agent's configuration, and returns
// what it wrote.
func (a *Agent) Doctor(ctx context.Context, args ...string) (string, error) {
	return a.host.Run(ctx, a.binary, append([]string{"doctor", "-c", a.config, "--node", a.node}, args...)...)
}

// socket is the path of the control socket.
func (a *Agent) socket() string { return filepath.Join(a.dir, "vicar.sock") }

// keys is the path of the key file.
func (a *Agent) keys() string { return filepath.Join(a.dir, "keys") }

// Reload puts another configuration into force.
func (a *Agent) Reload(c Config) error {
	return errors.Join(a.write(c), a.Signal(syscall.SIGHUP))
}

// ReloadWith is Reload by vicar's command, which returns when it is done; what the
// agent refuses is an error.
func (a *Agent) ReloadWith(ctx context.Context, c Config) error {
	if err := a.write(c); err != nil {
		return err
	}
	out, err := a.Tell(ctx, "reload")
	if err != nil {
		return fmt.Errorf("%w:\n%s", err, out)
	}
	return nil
}

// write writes the configuration, and the keys if it has any.
func (a *Agent) write(c Config) error {
	c.Control.Socket = a.socket()
	if c.PeerLink != nil {
		link := *c.PeerLink
		link.KeysFile = a.keys()
		c.PeerLink = &link
		if err := os.WriteFile(link.KeysFile, []byte(strings.Join(link.Keys, "\n")+"\n"), 0o600); err != nil {
			return fmt.Errorf("writing vicar's keys: %w", err)
		}
	}
	text, err := c.file()
	if err != nil {
		return err
	}
	if err := os.WriteFile(a.config, text, 0o600); err != nil {
		return fmt.Errorf("writing vicar's configuration: %w", err)
	}
	return nil
}

// Status is what the agent shows of itself.
func (a *Agent) Status(ctx context.Context) (status.Status, error) {
	return a.client.Status(ctx)
}

// State is a router's state: Active, Backup, Initialize, or nothing if the
// agent does not answer.
func (a *Agent) State(ctx context.Context, router string) string {
	s, err := a.Status(ctx)
	if err != nil {
		return ""
	}
	for _, r := range s.Routers {
		if r.Name == router {
			return r.State
		}
	}
	return ""
}

// Pool is a pool's status; it has no name if the agent does not answer or has no such
// pool.
func (a *Agent) Pool(ctx context.Context, name string) status.Pool {
	s, err := a.Status(ctx)
	if err != nil {
		return status.Pool{}
	}
	for _, p := range s.Pools {
		if p.Name == name {
			return p
		}
	}
	return status.Pool{}
}

// Entered is how often any router has entered a state.
func (a *Agent) Entered(ctx context.Context, state string) (uint64, error) {
	s, err := a.Status(ctx)
	var n uint64
	for _, r := range s.Routers {
		n += r.Transitions[state]
	}
	return n, err
}

// Handover lets another node take a router over.
func (a *Agent) Handover(ctx context.Context, router, to string) error {
	_, err := a.client.Handover(ctx, control.Handover{Router: router, To: to})
	return err
}

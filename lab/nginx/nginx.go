// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package nginx runs a web server on a lab's hosts: the service that checks
// look at.
package nginx

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/vicar-ha/vicar/lab"
)

// Program is what is run.
const Program = "nginx"

// Config is what is served. Zero is a page with the host's name on port 80.
type Config struct {
	// Server has more lines for the server block.
	Server string
}

// Server is an nginx on a host.
type Server struct{ *lab.Process }

// Available tells why no nginx can be run, or nil.
func Available() error {
	_, err := program()
	return err
}

func program() (string, error) {
	path, err := exec.LookPath(Program)
	if err != nil {
		// Debian keeps it where a user's PATH may not lead.
		path, err = exec.LookPath("/usr/sbin/" + Program)
	}
	if err != nil {
		return "", fmt.Errorf("finding %s: %w", Program, err)
	}
	return path, nil
}

// Start runs nginx on a host, with its files in a directory of its own below
// dir. It answers soon.
func Start(h *lab.Host, dir string, c Config) (*Server, error) {
	path, err := program()
	if err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp(dir, "nginx")
	if err != nil {
		return nil, fmt.Errorf("making a directory: %w", err)
	}
	file := filepath.Join(home, "nginx.conf")
	if err := os.WriteFile(file, []byte(c.file(h, home)), 0o600); err != nil {
		return nil, fmt.Errorf("writing nginx's configuration: %w", err)
	}
	p, err := h.Start(h.Command(path, "-p", home, "-e", "stderr", "-c", file))
	if err != nil {
		return nil, err
	}
	return &Server{p}, nil
}

// file is nginx.conf. All that nginx writes goes below home.
func (c Config) file(h *lab.Host, home string) string {
	return fmt.Sprintf(`daemon off;
pid %[2]s/nginx.pid;
worker_processes 1;
user root;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_body_temp_path %[2]s/body;
  proxy_temp_path %[2]s/proxy;
  fastcgi_temp_path %[2]s/fastcgi;
  uwsgi_temp_path %[2]s/uwsgi;
  scgi_temp_path %[2]s/scgi;
  server {
    listen 80;
    listen [::]:80;
    location / { return 200 "%[1]s"; }
    %[3]s
  }
}
`, h.Name, home, c.Server)
}

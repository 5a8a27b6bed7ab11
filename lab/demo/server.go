// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/vicar-ha/vicar/lab"
)

// port is where the hosts' web servers listen.
const port = 8080

// webServer is the service of a host, which the host's agent checks.
type webServer struct {
	host   *lab.Host
	server *http.Server
	ended  chan error
}

// start lets it serve.
func (w *webServer) start() error {
	var listener net.Listener
	err := w.host.Do(func() (err error) {
		//nolint:noctx // it takes no time
		listener, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		return err
	})
	if err != nil {
		return fmt.Errorf("starting a web server on %s: %w", w.host.Name, err)
	}
	w.ended = make(chan error, 1)
	w.server = &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(out, "well\n") // who asks may have gone
	})}
	go func() { w.ended <- w.server.Serve(listener) }()
	return nil
}

// stop ends it at once, with its connections. It may be called twice.
func (w *webServer) stop() error {
	if w.server == nil {
		return nil
	}
	err := w.server.Close()
	w.server = nil
	if ended := <-w.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package terraform

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/machine"
)

const (
	router   = "192.0.2.1"
	imdsPort = 8001
	packages = "packages.example.org"
)

// services are the names by which machines find what is on the router.
var services = []string{"ec2.eu-central-1.amazonaws.com", "dynamodb.eu-central-1.amazonaws.com", "ssm.eu-central-1.amazonaws.com", packages}

// site is a region's network in a lab: a router that answers for the region and for
// a server of packages, over TLS, and the machines that the region's instances are.
type site struct {
	*region

	t      *testing.T
	lab    *lab.Lab
	router *lab.Host
	root   string // of the machines
	ca     string // which they trust
}

// newSite plugs in the router.
func newSite(t *testing.T, r *region, deb []byte) *site {
	t.Helper()
	s := &site{region: r, t: t, root: machine.Debian(t), lab: labtest.New(t)}
	s.router = labtest.Host(t, s.lab, "aws", router+"/24")
	certificate := s.certify()
	s.serve(443, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Host == packages {
			_, _ = w.Write(deb) // a client that has gone needs no answer
			return
		}
		r.ServeHTTP(w, q)
	}))
	s.serve(imdsPort, nil, http.HandlerFunc(s.metadata))
	return s
}

// certify makes a certificate for all services, which is its own authority.
func (s *site) certify() tls.Certificate {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	labtest.OK(s.t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: services,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	labtest.OK(s.t, err)
	s.ca = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serve answers on a port of the router.
func (s *site) serve(port int, secure *tls.Config, handler http.Handler) {
	s.t.Helper()
	var listener net.Listener
	labtest.OK(s.t, s.router.Do(func() (err error) {
		listener, err = (&net.ListenConfig{}).Listen(s.t.Context(), "tcp", net.JoinHostPort(router, strconv.Itoa(port)))
		return err
	}))
	if secure != nil {
		listener = tls.NewListener(listener, secure)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // until it is closed
	}()
	s.t.Cleanup(func() {
		labtest.OK(s.t, server.Close())
		<-ended
	})
}

// metadata is the metadata service of whoever asks.
func (s *site) metadata(w http.ResponseWriter, q *http.Request) {
	from, err := netip.ParseAddrPort(q.RemoteAddr)
	eni, _ := s.Holder(from.Addr())
	instance, ok := s.Attached(eni)
	if err != nil || !ok {
		http.Error(w, "this is no instance", http.StatusNotFound)
		return
	}
	s.IMDS(instance).ServeHTTP(w, q)
}

// userData is what the instance in a slot is given by its template.
func (s *site) userData(eni string) string {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.templates {
		if t.Get(templateData+"NetworkInterface.1.NetworkInterfaceId") == eni {
			text, err := base64.StdEncoding.DecodeString(t.Get(templateData + "UserData"))
			labtest.OK(s.t, err)
			return string(text)
		}
	}
	s.t.Fatalf("no template has %s", eni)
	return ""
}

// server is a machine that is a slot's instance. Its name says nothing of the node.
func (s *site) machine(name, address string) *machine.Machine {
	s.t.Helper()
	m := machine.Boot(s.t, labtest.Host(s.t, s.lab, name, address), s.root)
	m.Write("/tmp/ca.pem", 0o644, s.ca)
	m.Run("cat /tmp/ca.pem >>/etc/ssl/certs/ca-certificates.crt; echo " + router + " " + strings.Join(services, " ") + " >>/etc/hosts")
	// As on a machine for which the metadata service is at its usual place.
	m.Run("systemctl set-environment " + imds)
	return m
}

var imds = "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://" + net.JoinHostPort(router, strconv.Itoa(imdsPort))

// starts runs a script as cloud-init does, from a unit, and returns what it wrote.
func starts(m *machine.Machine, script string) (string, error) {
	m.Write("/var/lib/cloud/instance/scripts/part-001", 0o700, script)
	return m.Try("systemd-run --quiet --wait --collect --pipe /var/lib/cloud/instance/scripts/part-001")
}

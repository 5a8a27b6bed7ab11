// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"

	"github.com/vicar-ha/vicar/cloud"
)

const (
	metaWithin  = time.Second // to connect to the metadata service, and for its first byte
	maxMetadata = 1 << 20     // octets of one answer
)

// metadata is the machine's metadata service: version 2 alone, no proxy, one more
// try after a token that is not accepted any more, and one question at a time,
// since it answers only so many.
type metadata struct {
	client *imds.Client
	turn   chan struct{} // has room for the one that asks
	way    *way          // of whose turn it is
}

// way is a transport that keeps why the last request got no answer: the SDK leaves
// the cause out of the chain of its error.
type way struct {
	http.RoundTripper
	lost error
}

// RoundTrip satisfies http.RoundTripper.
func (w *way) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := w.RoundTripper.RoundTrip(r)
	w.lost = nil
	if err != nil {
		w.lost = &url.Error{Op: r.Method, URL: r.URL.String(), Err: err}
	}
	return answer, err
}

// why is an error of the SDK's, with its cause.
func (w *way) why(err error) error {
	if err == nil || w.lost == nil {
		return err
	}
	return fmt.Errorf("%w: %w", err, w.lost)
}

func newMetadata(cfg Config) *metadata {
	transport := cfg.Transport
	if transport == nil {
		transport = &http.Transport{
			DialContext:           (&net.Dialer{Timeout: metaWithin}).DialContext,
			ResponseHeaderTimeout: metaWithin,
			IdleConnTimeout:       time.Minute,
			MaxIdleConnsPerHost:   1,
		}
	}
	w := &way{RoundTripper: transport}
	return &metadata{turn: make(chan struct{}, 1), way: w, client: imds.New(imds.Options{
		Endpoint:       cfg.IMDSEndpoint,
		EnableFallback: sdk.FalseTernary,
		HTTPClient:     &http.Client{Transport: w},
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff = 2, 100*time.Millisecond
		}),
	})}
}

// wait waits for its turn. The function that it returns ends that.
func (m *metadata) wait(ctx context.Context) (done func(), err error) {
	select {
	case m.turn <- struct{}{}:
		m.way.lost = nil
		return func() { <-m.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// GetMetadata is for the SDK, which gets credentials by it.
func (m *metadata) GetMetadata(ctx context.Context, in *imds.GetMetadataInput, options ...func(*imds.Options)) (*imds.GetMetadataOutput, error) {
	done, err := m.wait(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	out, err := m.client.GetMetadata(ctx, in, options...)
	return out, m.way.why(err)
}

func (m *metadata) identity(ctx context.Context) (imds.InstanceIdentityDocument, error) {
	done, err := m.wait(ctx)
	if err != nil {
		return imds.InstanceIdentityDocument{}, failed(err, "")
	}
	defer done()
	doc, err := m.client.GetInstanceIdentityDocument(ctx, nil)
	if err != nil {
		return imds.InstanceIdentityDocument{}, failed(m.way.why(err), "")
	}
	return doc.InstanceIdentityDocument, nil
}

// item is one of the metadata; nil where there is no such item.
func (m *metadata) item(ctx context.Context, path string) ([]byte, error) {
	out, err := m.GetMetadata(ctx, &imds.GetMetadataInput{Path: path})
	if err != nil {
		err := failed(err, path)
		if cloud.KindOf(err) == cloud.NotFound {
			return nil, nil
		}
		return nil, err
	}
	defer out.Content.Close()
	text, err := io.ReadAll(io.LimitReader(out.Content, maxMetadata))
	if err != nil {
		return nil, failed(err, path)
	}
	return text, nil
}

// words are those of an item; none where there is no such item.
func (m *metadata) words(ctx context.Context, path string) ([]string, error) {
	text, err := m.item(ctx, path)
	return strings.Fields(string(text)), err
}

// addresses are those that are shown now on an interface, IPv4 first.
func (m *metadata) addresses(ctx context.Context, mac string) ([]netip.Addr, error) {
	var found []netip.Addr
	for _, name := range []string{"/local-ipv4s", "/ipv6s"} {
		words, err := m.words(ctx, "network/interfaces/macs/"+mac+name)
		if err != nil {
			return nil, err
		}
		for _, word := range words {
			if a, err := netip.ParseAddr(word); err == nil {
				found = append(found, a)
			}
		}
	}
	return found, nil
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
)

const (
	ownName     = "the instance's"
	renewWithin = 10 * time.Second // one attempt to get credentials
	renewSoon   = 5 * time.Second  // after a failed attempt, doubled up to
	renewLate   = time.Minute
	renewUnused = time.Hour // where credentials don't expire
)

// keeper has credentials at hand: a request never waits for them once there were
// some. What has expired is still handed out, since a cloud whose metadata service
// is down may accept it, and the answer tells if not.
type keeper struct {
	name   string // for people
	source sdk.CredentialsProvider
	held   atomic.Pointer[sdk.Credentials]
	turn   chan struct{} // has room for the one that renews
	want   chan struct{} // has a value when they are to be renewed now
}

func newKeeper(name string, source sdk.CredentialsProvider) *keeper {
	return &keeper{name: name, source: source, turn: make(chan struct{}, 1), want: make(chan struct{}, 1)}
}

// findCredentials is where credentials come from, as the SDK's configuration says. Those of a
// process are refused: it would run with the agent's capabilities and priority, in
// the middle of a take-over. The instance's are asked for without the SDK's cache,
// whose requests outlive their context.
func findCredentials(found sdk.CredentialsProvider, meta *metadata) (sdk.CredentialsProvider, error) {
	told, ok := found.(sdk.CredentialProviderSource)
	if !ok {
		return found, nil
	}
	from := told.ProviderSources()
	if slices.Contains(from, sdk.CredentialSourceProcess) {
		return nil, errors.New("aws: the shared configuration says credential_process, which vicar doesn't start: " +
			"give the machine an instance profile")
	}
	if slices.Equal(from, []sdk.CredentialSource{sdk.CredentialSourceIMDS}) {
		return ec2rolecreds.New(func(o *ec2rolecreds.Options) { o.Client = meta }), nil
	}
	return found, nil
}

// credentialsError is that there are no credentials.
type credentialsError struct {
	name string
	err  error
}

func (e *credentialsError) Error() string {
	return fmt.Sprintf("getting credentials (%s): %v", e.name, e.err)
}

func (e *credentialsError) Unwrap() error { return e.err }

// Retrieve satisfies the SDK. It asks the source only as long as there are none.
func (k *keeper) Retrieve(ctx context.Context) (sdk.Credentials, error) {
	if c := k.held.Load(); c != nil {
		return *c, nil
	}
	return k.renew(ctx, nil)
}

// renew asks the source, unless there are others than known in the meantime. One
// asks at a time.
func (k *keeper) renew(ctx context.Context, known *sdk.Credentials) (sdk.Credentials, error) {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return sdk.Credentials{}, &credentialsError{name: k.name, err: ctx.Err()}
	}
	if c := k.held.Load(); c != known {
		return *c, nil
	}
	if cache, ok := k.source.(*sdk.CredentialsCache); ok {
		cache.Invalidate()
	}
	c, err := k.source.Retrieve(ctx)
	if err != nil {
		return sdk.Credentials{}, &credentialsError{name: k.name, err: err}
	}
	k.held.Store(&c)
	return c, nil
}

// expired tells the keeper that its credentials were not accepted.
func (k *keeper) expired() {
	select {
	case k.want <- struct{}{}:
	default:
	}
}

// keep renews the credentials when half of their life is over.
func (k *keeper) keep(ctx context.Context, log *slog.Logger) {
	failed := 0
	for {
		one, cancel := context.WithTimeout(ctx, renewWithin)
		c, err := k.renew(one, k.held.Load())
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			if failed > 0 {
				log.LogAttrs(ctx, slog.LevelInfo, "aws: credentials are renewed again", slog.String("credentials", k.name))
			}
			failed = 0
		default:
			if failed == 0 {
				log.LogAttrs(ctx, slog.LevelWarn, "aws: credentials could not be renewed", slog.String("credentials", k.name), slog.Any("err", err))
			}
			failed++
		}
		if !k.rest(ctx, renewal(c, failed, time.Now())) {
			return
		}
	}
}

// rest waits, or until they are wanted, but no less than a second; false when ctx
// has ended.
func (k *keeper) rest(ctx context.Context, wait time.Duration) bool {
	if !sleep(ctx, time.Second) {
		return false
	}
	timer := time.NewTimer(wait - time.Second)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-k.want:
	}
	return true
}

// renewal is how long to wait after credentials were renewed, or could not be for
// the failed-th time.
func renewal(c sdk.Credentials, failed int, now time.Time) time.Duration {
	switch {
	case failed > 0:
		wait := min(renewSoon<<min(failed-1, 8), renewLate)
		return wait/2 + rand.N(wait/2)
	case !c.CanExpire:
		return renewUnused
	}
	return max(renewSoon, c.Expires.Sub(now)/2)
}

// sleep waits; false when ctx has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

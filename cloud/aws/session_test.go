// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/vicar-ha/vicar/cloud"
)

func TestBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(50, 5)
		began := time.Now()
		for range 50 {
			if err := b.take(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("50 took %v", took)
		}
		for range 10 {
			if err := b.take(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("10 more took %v", took)
		}
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := b.take(short); cloud.KindOf(err) != cloud.Throttled || short.Err() != nil {
			t.Errorf("what can't be in time is %v", err)
		}
		time.Sleep(time.Hour)
		for range 50 {
			if err := b.take(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 2*time.Second+time.Hour {
			t.Errorf("50 after an hour took %v", took)
		}
	})
}

// source hands out credentials that live for an hour, unless it is down.
type source struct {
	down  atomic.Bool
	asked atomic.Int64
}

var errDown = errors.New("connection refused")

func (s *source) Retrieve(context.Context) (sdk.Credentials, error) {
	s.asked.Add(1)
	if s.down.Load() {
		return sdk.Credentials{}, errDown
	}
	return sdk.Credentials{AccessKeyID: "a", SecretAccessKey: "b", CanExpire: true, Expires: time.Now().Add(time.Hour)}, nil
}

func TestKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{}
		k := newKeeper(ownName, src)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go k.keep(ctx, quiet)
		left := func() time.Duration {
			c, err := k.Retrieve(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return time.Until(c.Expires)
		}
		for range 200 {
			time.Sleep(time.Minute)
			if l := left(); l < 20*time.Minute {
				t.Fatalf("only %v are left", l)
			}
		}
		if src.asked.Load() > 10 {
			t.Errorf("asked %d times in 200 minutes", src.asked.Load())
		}
		// What was there is handed out as long as no other comes.
		src.down.Store(true)
		time.Sleep(3 * time.Hour)
		if l := left(); l > 0 {
			t.Errorf("%v are left in an outage", l)
		}
		src.down.Store(false)
		time.Sleep(2 * renewLate)
		if l := left(); l < 30*time.Minute {
			t.Errorf("%v are left after an outage", l)
		}
		asked := src.asked.Load()
		k.expired()
		time.Sleep(2 * time.Second)
		if again := src.asked.Load() - asked; again != 1 {
			t.Errorf("asked %d times after a refusal", again)
		}
	})
}

func TestKeeperWithout(t *testing.T) {
	src := &source{}
	src.down.Store(true)
	k := newKeeper(ownName, src)
	if _, err := k.Retrieve(t.Context()); !errors.Is(err, errDown) {
		t.Errorf("credentials of nobody: %v", err)
	}
	if f := k.examine(t.Context()); f.OK || f.Remedy == "" {
		t.Errorf("found %+v", f)
	}
}

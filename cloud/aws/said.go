// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
)

// plainly is an error of the SDK's with a text for people.
type plainly struct {
	text string
	err  error
}

func (e *plainly) Error() string { return e.text }
func (e *plainly) Unwrap() error { return e.err }

// said gives an error of the SDK's a text that says what was answered, or that
// nothing was, and by whom. The SDK's own says first how it came to know.
func said(err error) error {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return &plainly{answerOf(e, err), err}
	}
	if _, ok := errors.AsType[*credentialsError](err); ok && status(err) == 404 {
		return &plainly{"the instance has no instance profile, or its role is gone", err}
	}
	sent, ok := errors.AsType[*url.Error](err)
	switch {
	case ok && (sent.Timeout() || errors.Is(err, context.DeadlineExceeded)):
		text := "no answer in time"
		if u, err := url.Parse(sent.URL); err == nil && u.Host != "" {
			text += " from " + u.Host
		}
		return &plainly{text, err}
	case ok:
		return &plainly{sent.Err.Error(), err}
	case errors.Is(err, context.DeadlineExceeded):
		return &plainly{"no answer in time", err}
	}
	return innermost(err)
}

// answerOf is what AWS has answered: why, the code, and for what is AWS's own
// failure the request's number, which AWS asks for.
func answerOf(e smithy.APIError, err error) string {
	what := code(err)
	if id, ok := errors.AsType[interface {
		error
		ServiceRequestID() string
	}](err); ok && status(err) >= 500 && id.ServiceRequestID() != "" {
		what += ", request " + id.ServiceRequestID()
	}
	if why := reason(e.ErrorMessage()); why != "" {
		return why + " (" + what + ")"
	}
	return what
}

// reason is the part of a message that is not known: a refusal names who asked, for
// what and of what first, and the reason last.
func reason(message string) string {
	message, _, _ = strings.Cut(message, " Encoded authorization failure message:")
	if _, refusal, ok := strings.Cut(message, " is not authorized to perform: "); ok {
		if _, why, ok := strings.Cut(refusal, " because "); ok {
			return strings.TrimSuffix(why, ".")
		}
		if _, why, ok := strings.Cut(refusal, " with an explicit deny"); ok {
			return "there is an explicit deny" + strings.TrimSuffix(why, ".")
		}
	}
	return message
}

// status is that of HTTP, or 0.
func status(err error) int {
	if e, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err); ok {
		return e.HTTPStatusCode()
	}
	return 0
}

// innermost leaves out which requests an error went through.
func innermost(err error) error {
	for {
		e, ok := errors.AsType[*smithy.OperationError](err)
		if !ok {
			return err
		}
		err = e.Err
	}
}

// sdkLog takes what the SDK would write to the standard error. What matters of it is
// in its errors as well.
func sdkLog(log *slog.Logger) logging.Logger {
	return logging.LoggerFunc(func(_ logging.Classification, format string, v ...any) {
		log.LogAttrs(context.Background(), slog.LevelDebug, "aws: the SDK has something to say", slog.String("text", fmt.Sprintf(format, v...)))
	})
}

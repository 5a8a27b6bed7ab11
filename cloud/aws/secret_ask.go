// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// maxSecret bounds what is read of an answer: a secret has 64 KiB at most.
const maxSecret = 256 << 10

// ask makes a request in the JSON protocol, and reads its answer into out, if that
// is not nil. Errors are as the SDK has them: its clients of these services would
// make the program larger by as much as all else of it.
func (x *Secret) ask(ctx context.Context, in map[string]any, out any) error {
	err := x.exchange(ctx, in, out)
	if err == nil {
		return nil
	}
	return &smithy.OperationError{ServiceID: x.api.service, OperationName: x.api.operation, Err: err}
}

func (x *Secret) exchange(ctx context.Context, in map[string]any, out any) error {
	request, err := x.request(ctx, in)
	if err != nil {
		return err
	}
	answer, err := x.s.http.Do(request)
	if err != nil {
		return &smithyhttp.RequestSendError{Err: err}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxSecret))
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: answer}, Err: refused(answer.Header.Get("X-Amzn-ErrorType"), text),
		}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		// Not what was read: it is secret.
		return fmt.Errorf("the answer of %d bytes is not JSON of %s", len(text), x.api.operation)
	}
	return nil
}

// request is signed by the instance's credentials.
func (x *Secret) request(ctx context.Context, in map[string]any) (*http.Request, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	endpoint, err := x.at(ctx)
	if err != nil {
		return nil, err
	}
	credentials, err := x.s.own.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(endpoint, "/")+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", x.api.target+"."+x.api.operation)
	sum := sha256.Sum256(body)
	err = v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), x.api.service, x.region, time.Now())
	if err != nil {
		return nil, fmt.Errorf("signing the request: %w", err)
	}
	return request, nil
}

// at is the service's endpoint in the region of what it keeps. The region's part
// of AWS has them all after the same manner.
func (x *Secret) at(ctx context.Context) (string, error) {
	if x.api.endpoint != "" {
		return x.api.endpoint, nil
	}
	base := x.s.base
	base.Region = x.region
	if base.BaseEndpoint != nil {
		return *base.BaseEndpoint, nil
	}
	of, err := resolve(ctx, ec2.NewFromConfig(base).Options())
	if err != nil {
		return "", err
	}
	rest, ok := strings.CutPrefix(of.Host, "ec2")
	if !ok {
		return "", fmt.Errorf("the endpoint of %s in region %q is not known: write it in aws.endpoints", x.api.service, x.region)
	}
	of.Host = x.api.service + rest
	return of.String(), nil
}

// refused is an answer's error. Its code is in the header or the body, with a
// namespace before it or a URL behind it.
func refused(header string, body []byte) error {
	var said struct {
		Type    string `json:"__type"`
		Message string
	}
	_ = json.Unmarshal(body, &said) // what is not JSON has no code
	if header != "" {
		said.Type = header
	}
	code := said.Type[strings.LastIndex(said.Type, "#")+1:]
	code, _, _ = strings.Cut(code, ":")
	return &smithy.GenericAPIError{Code: code, Message: said.Message}
}

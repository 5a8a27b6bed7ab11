// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import "log/slog"

var quiet = slog.New(slog.DiscardHandler)

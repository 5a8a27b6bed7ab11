# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

terraform {
  required_version = ">= 1.9"
}

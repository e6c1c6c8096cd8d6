//go:build tools

// SPDX-License-Identifier: MIT

// Package frp names what tests/setup/tunnels.sh builds, so that `go mod tidy` keeps go.mod and go.sum whole. frp's own go.mod replaces a
// module, and `go install` refuses such; here the replacement stands once more. A newer frp: `go get github.com/fatedier/frp@v...`, its
// line with "replace" into go.mod, `go mod tidy`, and its number into tunnels.sh.
package frp

import (
	_ "github.com/fatedier/frp/cmd/frpc"
	_ "github.com/fatedier/frp/cmd/frps"
)

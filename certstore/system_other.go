//go:build !windows && !darwin

package certstore

import "context"

// Systems without a certificate store of their own have directories.

func openUserSystem(_ context.Context, cfg Config) (Store, error) { return openUserDir(cfg) }

func openMachineSystem(_ context.Context, cfg Config) (Store, error) { return openMachineDir(cfg) }

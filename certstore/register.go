package certstore

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// A Driver opens the stores of one or more types.
type Driver struct {
	Name  string
	Types []Type
	// Claims reports whether a location under TypeAuto is this driver's; nil means that none
	// is. It judges by the text alone and is never shown content: what a file says must
	// not choose the code that opens it.
	Claims func(location string) bool
	// Open opens a store. The type is one of Types, or TypeAuto after Claims said yes.
	Open func(ctx context.Context, cfg Config) (Store, error)
}

// builtin are the drivers of this package. The rest registers itself when imported.
var builtin = []Driver{
	{Name: "user", Types: []Type{TypeUser}, Open: openUser},
	{Name: "machine", Types: []Type{TypeMachine}, Open: openMachine},
	{Name: "bundle", Types: bundleTypes(), Open: openBundle},
}

// imports names the package to link in for each type that has no driver here.
var imports = map[Type]string{TypeSecurityKey: "gatehouse/certstore/pkcs11"}

var drivers struct {
	sync.RWMutex
	added []Driver
}

// Register adds a driver. It is called from init functions. It panics when d is
// incomplete or when its name or one of its types is taken.
func Register(d Driver) {
	if d.Name == "" || len(d.Types) == 0 || d.Open == nil {
		panic("certstore: Register: incomplete driver")
	}
	drivers.Lock()
	defer drivers.Unlock()
	for _, other := range allDrivers() {
		if other.Name == d.Name {
			panic(fmt.Sprintf("certstore: Register: driver %q twice", d.Name))
		}
		for _, t := range d.Types {
			if slices.Contains(other.Types, t) {
				panic(fmt.Sprintf("certstore: Register: type %d has driver %q already", int(t), other.Name))
			}
		}
	}
	drivers.added = append(drivers.added, d)
}

// Drivers lists the drivers, those of this package first, the others in the order in
// which they were registered.
func Drivers() []Driver {
	drivers.RLock()
	defer drivers.RUnlock()
	return allDrivers()
}

func allDrivers() []Driver { return slices.Concat(builtin, drivers.added) }

// driverFor returns the driver of cfg's type, under TypeAuto the one that claims the
// location.
func driverFor(cfg *Config) (*Driver, error) {
	var found *Driver
	for _, d := range Drivers() {
		if cfg.Type == TypeAuto && cfg.Data == nil && d.Claims != nil && d.Claims(cfg.Location) {
			return &d, nil
		}
		if slices.Contains(d.Types, cfg.Type) {
			found = &d
		}
	}
	if found != nil {
		return found, nil
	}
	if path, ok := imports[cfg.Type]; ok {
		return nil, fmt.Errorf("%w: add import _ %q", ErrNoDriver, path)
	}
	return nil, ErrNoDriver
}

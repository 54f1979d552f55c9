package main

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// logTo makes the log of a terminal: lines on standard error that machines read.
// Nothing in it is personal.
func (p *program) logTo(format, terminal string) (*slog.Logger, error) {
	var handler slog.Handler
	switch format {
	case "text":
		handler = slog.NewTextHandler(p.Stderr, nil)
	case "json":
		handler = slog.NewJSONHandler(p.environment.stderr, nil) // which is UTF-8 in any locale
	default:
		return nil, p.WrongUsage(errors.New("--log: text, json"))
	}
	return slog.New(handler).With("terminal", terminal), nil
}

// logEvent writes what happened at the terminal.
func logEvent(log *slog.Logger, e terminal.Event) {
	var about []slog.Attr
	if e.Visit != "" {
		about = append(about, slog.String("visit", e.Visit), slog.Float64("duration", seconds(e.Duration)))
	}
	if e.Code != "" {
		about = append(about, slog.String("code", string(e.Code)))
	}
	log.LogAttrs(context.Background(), slog.LevelInfo, e.Name, about...)
}

// seconds is a duration with three decimals.
func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }

// logStart names what was started.
func logStart(log *slog.Logger, p parts) {
	log.Info("started", "version", cli.Version(), "campaign", p.campaign.Name.In(message.English), "namespace", p.campaign.Namespace,
		"generation", p.generation, "earlier", p.earlier, "registry", registryKind(p.url), "readers", p.readers)
}

// logClosed tells why the registry can't be opened yet, once for each reason.
func logClosed(log *slog.Logger) func(error) {
	last := ""
	return func(err error) {
		if reason := termtext.Printable(err.Error()); reason != last {
			last = reason
			code := terminal.MessageFor(err).Code
			if errors.Is(err, registry.ErrUnavailable) {
				code = codeDatabase
			}
			log.Warn("registry unavailable", "code", string(code), "reason", reason)
		}
	}
}

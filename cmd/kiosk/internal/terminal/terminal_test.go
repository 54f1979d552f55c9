package terminal_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/campaign"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/internal/message"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// book is a registry that fits into a test.
type book struct {
	mu        sync.Mutex
	down      bool
	ping      error         // of Ping
	slow      chan struct{} // that Ping waits for, if not nil
	failures  error         // of changes
	lost      int           // answers to Renew that get lost, of changes that were made
	reserved  map[string]*registry.Reservation
	used      map[string]bool
	confirmed []registry.Account
	wait      chan struct{} // before reserving, if not nil
}

func (b *book) err() error {
	if b.down {
		return registry.ErrUnavailable
	}
	return b.failures
}

func (b *book) Ping(ctx context.Context) error {
	if b.slow != nil {
		select {
		case <-b.slow:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return registry.ErrUnavailable
	}
	return b.ping
}

func (b *book) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

func (b *book) Find(_ context.Context, holder *jpki.Authentication) (*registry.Reservation, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return nil, registry.ErrUnavailable
	}
	if r := b.reserved[string(holder.Certificate.RawSubjectPublicKeyInfo)]; r != nil {
		return r, nil
	}
	return nil, registry.ErrNotFound
}

// ReplaceRecoveryCode gives a code, if the holder is there.
func (b *book) ReplaceRecoveryCode(ctx context.Context, _ registry.Operation, holder *jpki.Authentication, _ registry.RecoveryCode) (*registry.Reservation, error) {
	if err := b.err(); err != nil {
		return nil, err
	}
	return b.Find(ctx, holder)
}

func (b *book) Reserve(_ context.Context, _ registry.Operation, holder *jpki.Authentication, _ registry.RecoveryCode) (*registry.Reservation, error) {
	b.mu.Lock()
	wait := b.wait
	b.mu.Unlock()
	if wait != nil {
		<-wait
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.err(); err != nil {
		return nil, err
	}
	who := string(holder.Certificate.RawSubjectPublicKeyInfo)
	if r := b.reserved[who]; r != nil {
		again := *r
		again.New = false
		return &again, nil
	}
	r := &registry.Reservation{ID: mykey.ID("ABCD2345"), State: registry.Reserved, Expiry: mykey.MonthOf(holder.Certificate.NotAfter), New: true}
	b.reserved[who] = r
	return r, nil
}

func (b *book) Renew(_ context.Context, _ registry.Operation, holder *jpki.Authentication, _ registry.Proof, _ registry.RecoveryCode) (*registry.Reservation, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.err(); err != nil {
		return nil, err
	}
	r := &registry.Reservation{ID: mykey.ID("WXYZ6789"), State: registry.Reserved, Expiry: mykey.MonthOf(holder.Certificate.NotAfter)}
	b.reserved[string(holder.Certificate.RawSubjectPublicKeyInfo)] = r
	if b.lost > 0 {
		b.lost--
		return nil, registry.ErrUnavailable
	}
	return r, nil
}

func (b *book) Preview(_ context.Context, _ *jpki.Authentication, account registry.Account) (registry.Preview, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.err(); err != nil {
		return registry.Preview{}, err
	}
	if b.used[account.ID()] {
		return registry.Preview{}, registry.ErrAccountUsed
	}
	b.confirmed = append(b.confirmed, account)
	return registry.Preview{}, nil
}

func (b *book) Confirm(context.Context, registry.Operation, registry.Preview) (*registry.Reservation, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.err(); err != nil {
		return nil, err
	}
	for _, r := range b.reserved {
		r.Application = &registry.Link{Service: "sample-pay"}
		return r, nil
	}
	return nil, registry.ErrNotFound
}

func typed(s string) hidden.Bytes { return hidden.NewBytes([]byte(s)) }

func text(b hidden.Bytes) (s string) {
	b.Use(func(secret []byte) { s = string(secret) })
	return s
}

// stand is a terminal with one simulated reader, on a clock of its own.
type stand struct {
	t        *testing.T
	driver   *simulator.Driver
	slot     *simulator.Reader
	book     *book
	campaign *campaign.Campaign
	connects reader.Driver // that connections are made by
	terminal *terminal.Terminal
	stop     func() // ends the terminal, once

	logging sync.Mutex
	log     []string
	events  []terminal.Event
}

func (s *stand) note(e terminal.Event) {
	s.logging.Lock()
	defer s.logging.Unlock()
	s.log = append(s.log, e.Name+" "+string(e.Code))
	s.events = append(s.events, e)
}

// hooked is the stand's driver, whose connections may be another's.
type hooked struct {
	reader.Driver
	stand *stand
}

func (h hooked) Connect(ctx context.Context, name string) (reader.Card, error) {
	return h.stand.connects.Connect(ctx, name)
}

func at(t *testing.T, profile simulator.Profile, test func(t *testing.T, s *stand, card *simulator.Card)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		card, err := simulator.NewCard(profile, simulator.WithInsecureSeed("kiosk"), simulator.WithClock(time.Now))
		require.NoError(t, err)
		file, err := os.Open(filepath.Join("..", "..", "campaigns", "2020.toml"))
		require.NoError(t, err)
		defer file.Close()
		c, err := campaign.Parse(file)
		require.NoError(t, err)
		c.Begins.Time, c.Ends.Time = time.Now().AddDate(0, -1, 0), time.Now().AddDate(0, 1, 0)
		s := &stand{t: t, driver: simulator.New(), book: &book{reserved: map[string]*registry.Reservation{}, used: map[string]bool{}}}
		s.campaign, c.AskRenewed = c, false
		s.slot, s.connects = s.driver.AddReader("Reader"), s.driver
		var chain []jpki.CardOption
		if card.CACertificate() != nil {
			chain = append(chain, jpki.WithChain(card.CACertificate()))
		}
		s.terminal = terminal.New(terminal.Config{
			Driver: hooked{s.driver, s}, Campaign: c, Registry: s.book, Language: message.Japanese, Chain: append(chain, jpki.WithClock(time.Now)),
			Log: s.note,
		})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- s.terminal.Run(ctx) }()
		s.stop = sync.OnceFunc(func() {
			cancel()
			require.ErrorIs(t, <-ended, context.Canceled)
		})
		synctest.Wait()
		test(t, s, card)
		s.stop()
		synctest.Wait()
		assert.False(t, card.State().AuthVerified, "left verified")
		connections, _ := s.slot.InUse()
		assert.Zero(t, connections)
	})
}

func (s *stand) view() terminal.View {
	synctest.Wait()
	v, _ := s.terminal.View()
	return v
}

func (s *stand) shows(screen terminal.Screen) terminal.View {
	s.t.Helper()
	v := s.view()
	require.Equal(s.t, screen, v.Screen, "%+v", v.Notice)
	return v
}

func (s *stand) do(a terminal.Action) error {
	a.Step = s.view().Step
	return s.terminal.Do(context.Background(), a)
}

func (s *stand) press(name string) {
	s.t.Helper()
	require.NoError(s.t, s.do(terminal.Action{Name: name}))
}

func (s *stand) start() {
	s.t.Helper()
	require.NoError(s.t, s.do(terminal.Action{Name: terminal.Start, Language: message.Japanese}))
}

func (s *stand) enter(digits string) {
	s.t.Helper()
	pin, err := jpki.ParsePIN([]byte(digits))
	require.NoError(s.t, err)
	require.NoError(s.t, s.do(terminal.Action{Name: terminal.GivePIN, PIN: pin}))
}

func (s *stand) problem(code message.Code) {
	s.t.Helper()
	v := s.shows(terminal.Problem)
	assert.Equal(s.t, code, v.Notice.Code)
	assert.NotEmpty(s.t, v.Notice.Next.JA)
}

// The whole way, from consent to application, and then nothing is left.
func TestAVisit(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		s.shows(terminal.Welcome)
		s.start()
		s.shows(terminal.Place)
		require.NoError(t, s.slot.Insert(card))
		v := s.shows(terminal.EnterPIN)
		assert.Equal(t, 3, v.Counter.Remaining, "the tries are shown before the PIN is typed")
		s.enter(simulator.PIN)
		v = s.shows(terminal.Result)
		assert.Equal(t, mykey.ID("ABCD2345"), v.ID)
		assert.NotEmpty(t, text(v.Recovery))
		assert.False(t, card.State().AuthVerified)
		s.press(terminal.Apply)
		s.shows(terminal.Services)
		require.NoError(t, s.do(terminal.Action{Name: terminal.Choose, Service: "sample-pay"}))
		s.shows(terminal.Account)
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveID, Account: typed("12"), Code: typed("4649")}))
		assert.Equal(t, terminal.Refused{Account: true}, s.shows(terminal.Account).Refused)
		s.book.used["0000000000"] = true
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveID, Account: typed("0000000000"), Code: typed("4649")}))
		assert.Equal(t, terminal.Refused{Used: true}, s.shows(terminal.Account).Refused)
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveID, Account: typed("０１２３４５６７８９"), Code: typed("4649")}))
		s.shows(terminal.Confirm)
		s.press(terminal.Back)
		s.shows(terminal.Account)
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveID, Account: typed("0123456789"), Code: typed("4649")}))
		s.shows(terminal.Confirm)
		time.Sleep(time.Second)
		s.press(terminal.Agree)
		s.shows(terminal.Done)
		s.press(terminal.Finish)
		v = s.shows(terminal.Take)
		assert.Empty(t, v.ID)
		s.slot.Remove()
		s.shows(terminal.Welcome)
		account := s.book.confirmed[len(s.book.confirmed)-1]
		assert.Equal(t, []string{"sample-pay", "0123456789", "4649"}, []string{account.Service(), account.ID(), account.Code()})
		for _, line := range s.log {
			assert.NotContains(t, line, "ABCD2345")
			assert.NotContains(t, line, "0123456789")
		}
	})
}

// A card may be there before the visit begins.
func TestACardThatIsThereAlready(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.shows(terminal.Welcome)
		s.start()
		s.shows(terminal.EnterPIN)
		s.enter(simulator.PIN)
		s.shows(terminal.Result)
	})
}

// No PIN is taken before a card was shown with its attempts left: it would go to
// whoever's card comes next.
// Faults: F66.
func TestNoPINIsTakenBeforeACard(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		s.start()
		s.shows(terminal.Place)
		pin, err := jpki.ParsePIN([]byte("9999"))
		require.NoError(t, err)
		require.ErrorIs(t, s.do(terminal.Action{Name: terminal.GivePIN, PIN: pin}), terminal.ErrStale)
		require.ErrorIs(t, s.do(terminal.Action{Name: "type-first"}), terminal.ErrStale)
		require.NoError(t, s.slot.Insert(card))
		assert.Equal(t, 3, s.shows(terminal.EnterPIN).Counter.Remaining)
		assert.Equal(t, 3, card.State().AuthTries)
		s.enter(simulator.PIN)
		s.shows(terminal.Result)
	})
}

// Who has a new card takes over the identifier of the old one, with its recovery code,
// and gets another code.
func TestTakingOver(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		require.NoError(t, s.do(terminal.Action{Name: terminal.Renew, Language: message.Japanese}))
		s.enter(simulator.PIN)
		s.shows(terminal.TakeOver)
		assert.Empty(t, s.book.reserved, "no identifier of its own")
		for _, tt := range []struct {
			id, code string
			refused  terminal.Refused
		}{
			{"", "", terminal.Refused{Account: true, Code: true}},
			{"WXYZ6789", "short", terminal.Refused{Code: true}},
			{"short", "7K2M-9QXR-0ABC-DEFG", terminal.Refused{Account: true}},
		} {
			require.NoError(t, s.do(terminal.Action{Name: terminal.GiveCode, Account: typed(tt.id), Code: typed(tt.code)}))
			assert.Equal(t, tt.refused, s.shows(terminal.TakeOver).Refused)
		}
		s.book.failures = registry.ErrRecovery
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveCode, Account: typed("WXYZ-6789"), Code: typed("7K2M-9QXR-0ABC-DEFG")}))
		assert.Equal(t, terminal.Refused{Wrong: true}, s.shows(terminal.TakeOver).Refused)
		s.book.failures = nil
		s.book.lost = 1 // asked once more, or the new code would be lost too
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveCode, Account: typed("ｗｘｙｚ６７８９"), Code: typed("7k2m 9qxr 0abc defg")}))
		v := s.shows(terminal.Result)
		assert.Equal(t, mykey.ID("WXYZ6789"), v.ID)
		assert.NotEmpty(t, text(v.Recovery))
		assert.NotEqual(t, "7K2M-9QXR-0ABC-DEFG", text(v.Recovery))
	})
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		s.book.failures = registry.ErrHolderReserved
		require.NoError(t, s.slot.Insert(card))
		require.NoError(t, s.do(terminal.Action{Name: terminal.Renew, Language: message.English}))
		s.enter(simulator.PIN)
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveCode, Account: typed("WXYZ6789"), Code: typed("7K2M-9QXR-0ABC-DEFG")}))
		s.problem("HAS_IDENTIFIER")
	})
}

// Taking the card, another card, and nobody there each clear everything at once.
func TestClearing(t *testing.T) {
	other, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("another"))
	require.NoError(t, err)
	until := map[string]func(s *stand, card *simulator.Card){
		"the PIN pad": func(*stand, *simulator.Card) {},
		"the result":  func(s *stand, _ *simulator.Card) { s.enter(simulator.PIN); s.shows(terminal.Result) },
		"the account": func(s *stand, _ *simulator.Card) {
			s.enter(simulator.PIN)
			s.press(terminal.Apply)
			require.NoError(s.t, s.do(terminal.Action{Name: terminal.Choose, Service: "sample-pay"}))
			s.shows(terminal.Account)
		},
	}
	for where, until := range until {
		for what, happens := range map[string]func(s *stand){
			"taken": func(s *stand) { s.slot.Remove() },
			"swapped": func(s *stand) {
				s.slot.Remove()
				require.NoError(s.t, s.slot.Insert(other))
			},
			"idle": func(s *stand) {
				time.Sleep(61 * time.Second)
				assert.True(s.t, s.view().Ending)
				time.Sleep(30 * time.Second)
			},
		} {
			at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
				require.NoError(t, s.slot.Insert(card))
				s.start()
				s.shows(terminal.EnterPIN)
				until(s, card)
				happens(s)
				v := s.shows(terminal.Cleared)
				assert.Empty(t, v.ID, where+what)
				assert.Empty(t, text(v.Recovery))
				assert.Empty(t, text(v.Account))
				time.Sleep(11 * time.Second)
				switch what {
				case "idle":
					s.shows(terminal.Take)
					s.slot.Remove()
				case "swapped":
					s.slot.Remove()
				}
				s.shows(terminal.Welcome)
				assert.Equal(t, 3, other.State().AuthTries)
			})
		}
	}
}

// More time and typing keep the view, with what was typed into it.
func TestMoreTime(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		s.start()
		step := s.view().Step
		for range 5 {
			time.Sleep(61 * time.Second)
			require.True(t, s.shows(terminal.Place).Ending)
			s.press(terminal.MoreTime)
			require.False(t, s.shows(terminal.Place).Ending)
		}
		for range 5 {
			time.Sleep(59 * time.Second)
			s.press(terminal.MoreTime)
			require.False(t, s.shows(terminal.Place).Ending)
		}
		assert.Equal(t, step, s.view().Step)
		time.Sleep(91 * time.Second)
		s.shows(terminal.Cleared)
		s.press(terminal.MoreTime) // of nobody's visit
		time.Sleep(11 * time.Second)
		s.shows(terminal.Welcome)
	})
}

// What was read back can't be agreed to before anybody could have read it, also after
// a change of language.
// Faults: F66.
func TestAnApplicationIsNotAgreedToUnread(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.enter(simulator.PIN)
		s.press(terminal.Apply)
		require.NoError(t, s.do(terminal.Action{Name: terminal.Choose, Service: "sample-pay"}))
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveID, Account: typed("0123 456-789"), Code: typed("4649")}))
		for range 2 {
			s.shows(terminal.Confirm)
			require.ErrorIs(t, s.do(terminal.Action{Name: terminal.Agree}), terminal.ErrUnread)
			time.Sleep(999 * time.Millisecond)
			require.ErrorIs(t, s.do(terminal.Action{Name: terminal.Agree}), terminal.ErrUnread)
			require.NoError(t, s.do(terminal.Action{Name: terminal.SetLanguage, Language: message.English}))
		}
		time.Sleep(time.Second)
		s.press(terminal.Agree)
		s.shows(terminal.Done)
	})
}

// What is in the way of a visit, and that it goes on when it is gone.
func TestProblems(t *testing.T) {
	for profile, code := range map[simulator.Profile]message.Code{
		simulator.Locked: message.PINLocked, simulator.FaceAuth: message.PINLocked, simulator.Expired: message.CertExpired,
		simulator.NotMyNumber: message.NotMyNumberCard, simulator.NoCertificate: message.NoAuthCert,
	} {
		at(t, profile, func(t *testing.T, s *stand, card *simulator.Card) {
			s.start()
			require.NoError(t, s.slot.Insert(card))
			s.problem(code)
			s.slot.Remove()
			s.shows(terminal.Welcome)
		})
	}
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		second := s.driver.AddReader("Second")
		other, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("another"))
		require.NoError(t, err)
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.enter(simulator.PIN)
		s.shows(terminal.Result)
		require.NoError(t, second.Insert(other))
		s.problem(message.SeveralCards)
		assert.Empty(t, s.view().ID)
		second.Remove()
		s.shows(terminal.Take) // the first visitor's
		s.slot.Remove()
		s.shows(terminal.Welcome)

		s.driver.RemoveReader(second)
		s.driver.RemoveReader(s.slot)
		s.problem(message.For(reader.ErrNoReader).Code)
		s.slot = s.driver.AddReader("Reader")
		s.shows(terminal.Welcome)

		s.driver.StopService()
		s.problem(message.For(reader.ErrNoService).Code)
		s.driver.StartService()
		s.shows(terminal.Welcome)
	})
}

// A database that does not answer is told before anybody types a PIN, and afterwards
// costs nothing either.
func TestDatabaseDown(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		s.book.down = true
		s.start()
		s.problem("DATABASE_UNAVAILABLE")
		require.NoError(t, s.slot.Insert(card))
		s.problem("DATABASE_UNAVAILABLE")
		s.slot.Remove()
		s.book.mu.Lock()
		s.book.down = false
		s.book.mu.Unlock()
		time.Sleep(3 * time.Second)
		s.shows(terminal.Welcome)
		assert.Equal(t, 1, strings.Count(strings.Join(s.log, "\n"), "problem DATABASE_UNAVAILABLE"), "a problem is logged once, whatever the card does")

		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.shows(terminal.EnterPIN)
		s.book.mu.Lock()
		s.book.down = true
		s.book.mu.Unlock()
		s.enter(simulator.PIN)
		s.problem("DATABASE_UNAVAILABLE")
		assert.Equal(t, 3, card.State().AuthTries)
		s.book.mu.Lock()
		s.book.down = false
		s.book.mu.Unlock()
		time.Sleep(3 * time.Second)
		s.shows(terminal.Take)
	})
}

// Wrong PINs are told with what is left, and the last try needs a yes.
func TestWrongPINs(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.start()
		for _, left := range []int{2, 1} {
			s.enter("9999")
			assert.Equal(t, left, s.shows(terminal.WrongPIN).Counter.Remaining)
			assert.Equal(t, left, card.State().AuthTries)
			s.press(terminal.TryAgain)
		}
		s.shows(terminal.LastTry)
		pin, err := jpki.ParsePIN([]byte("9999"))
		require.NoError(t, err)
		require.ErrorIs(t, s.do(terminal.Action{Name: terminal.GivePIN, PIN: pin}), terminal.ErrStale)
		assert.Equal(t, 1, card.State().AuthTries)
		s.press(terminal.SpendLast)
		s.shows(terminal.EnterPIN)
		s.enter("9999")
		s.problem(message.PINLocked)
	})
}

// An action is for the view that it was done on: the second of two taps, a replayed
// one, and one for another screen do nothing, and their PIN is forgotten.
func TestStaleActions(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.start()
		step := s.shows(terminal.EnterPIN).Step
		pin, err := jpki.ParsePIN([]byte("9999"))
		require.NoError(t, err)
		again, err := jpki.ParsePIN([]byte("9999"))
		require.NoError(t, err)
		require.NoError(t, s.terminal.Do(context.Background(), terminal.Action{Step: step, Name: terminal.GivePIN, PIN: pin}))
		require.ErrorIs(t, s.terminal.Do(context.Background(), terminal.Action{Step: step, Name: terminal.GivePIN, PIN: again}), terminal.ErrStale)
		s.shows(terminal.WrongPIN)
		require.ErrorIs(t, s.terminal.Do(context.Background(), terminal.Action{Step: step, Name: terminal.GivePIN, PIN: again}), terminal.ErrStale)
		assert.Equal(t, 2, card.State().AuthTries)
		session, err := s.driver.Connect(context.Background(), "Reader")
		require.NoError(t, err)
		_, err = jpki.Authenticate(context.Background(), session, again)
		require.ErrorIs(t, err, credential.ErrUsed, "forgotten")
		require.NoError(t, session.Close())
		s.press(terminal.TryAgain)
		s.shows(terminal.EnterPIN) // the same screen, and not the same view
		replayed, err := jpki.ParsePIN([]byte("9999"))
		require.NoError(t, err)
		require.ErrorIs(t, s.terminal.Do(context.Background(), terminal.Action{Step: step, Name: terminal.GivePIN, PIN: replayed}), terminal.ErrStale)
		assert.Equal(t, 2, card.State().AuthTries)
		s.enter("9999")
		s.shows(terminal.WrongPIN)
		for _, name := range []string{terminal.Agree, terminal.Apply, terminal.Start, "", "surprise"} {
			require.ErrorIs(t, s.do(terminal.Action{Name: name}), terminal.ErrStale, name)
		}
		s.shows(terminal.WrongPIN)
	})
}

// A result that comes after its visit is over is shown to nobody, whoever is there by
// then.
func TestLateResultsComeToNobody(t *testing.T) {
	for range 10 {
		at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
			let := make(chan struct{})
			s.book.mu.Lock()
			s.book.wait = let
			s.book.mu.Unlock()
			require.NoError(t, s.slot.Insert(card))
			s.start()
			s.enter(simulator.PIN)
			s.shows(terminal.Reading)
			s.slot.Remove()
			s.shows(terminal.Cleared)
			s.press(terminal.Close)
			s.start()
			s.shows(terminal.Place)
			close(let)
			assert.Empty(t, s.shows(terminal.Place).ID)
		})
	}
}

// A card that is exchanged between the PIN pad and the card's work, so quickly that no
// event tells, gets no PIN.
func TestASwappedCardGetsNoPIN(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		other, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("another"))
		require.NoError(t, err)
		elsewhere := simulator.New().AddReader("Reader")
		require.NoError(t, elsewhere.Insert(other))
		require.NoError(t, s.slot.Insert(card))
		s.start()
		s.shows(terminal.EnterPIN)
		s.connects = elsewhere.Driver()
		s.enter("9999")
		s.problem(message.CardChanged)
		assert.Equal(t, 3, other.State().AuthTries)
		assert.Equal(t, 3, card.State().AuthTries)
	})
}

func TestOtherFailuresOfTheRegistry(t *testing.T) {
	for _, err := range []error{registry.ErrSuperseded, registry.ErrNoIdentifier, registry.ErrProof, errors.New("anything else")} {
		at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
			s.book.failures = err
			require.NoError(t, s.slot.Insert(card))
			s.start()
			s.enter(simulator.PIN)
			v := s.shows(terminal.Problem)
			assert.NotEmpty(t, v.Notice.Code)
			assert.NotEmpty(t, v.Notice.What.JA)
			s.slot.Remove()
			s.shows(terminal.Welcome)
		})
	}
}

// Cards that sit in other readers for ever are nobody's: they disturb no visit.
// Faults: F71.
func TestOtherCardsInOtherReaders(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		for _, name := range []string{"B-CAS", "SAM"} {
			other, err := simulator.NewCard(simulator.NotMyNumber, simulator.WithInsecureSeed(name))
			require.NoError(t, err)
			require.NoError(t, s.driver.AddReader(name).Insert(other))
		}
		s.shows(terminal.Welcome)
		s.start()
		s.shows(terminal.Place)
		require.NoError(t, s.slot.Insert(card))
		s.shows(terminal.EnterPIN)
		s.enter(simulator.PIN)
		s.shows(terminal.Result)
		s.slot.Remove()
		s.shows(terminal.Cleared)
		s.press(terminal.Close)
		s.shows(terminal.Welcome)

		// A card that somebody places during a visit is told to be the wrong one.
		s.start()
		other, err := simulator.NewCard(simulator.NotMyNumber, simulator.WithInsecureSeed("other"))
		require.NoError(t, err)
		require.NoError(t, s.slot.Insert(other))
		s.problem(message.NotMyNumberCard)
		s.slot.Remove()
		s.shows(terminal.Welcome)
	})
}

// The end of a visit is told in its language, not in the terminal's.
func TestTheEndIsToldInTheVisitsLanguage(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		require.NoError(t, s.do(terminal.Action{Name: terminal.Start, Language: message.English}))
		time.Sleep(91 * time.Second)
		assert.Equal(t, message.English, s.shows(terminal.Cleared).Language)
		time.Sleep(time.Minute)
		assert.Equal(t, message.Japanese, s.shows(terminal.Welcome).Language)
	})
}

// Each step that operators look for is logged once, in its order.
func TestWhatAVisitLogs(t *testing.T) {
	at(t, simulator.Contact, func(t *testing.T, s *stand, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		require.NoError(t, s.do(terminal.Action{Name: terminal.Renew, Language: message.Japanese}))
		s.enter(simulator.PIN)
		s.shows(terminal.TakeOver)
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveCode, Account: typed("WXYZ-6789"), Code: typed("7K2M-9QXR-0ABC-DEFG")}))
		s.shows(terminal.Result)
		s.press(terminal.Apply)
		require.NoError(t, s.do(terminal.Action{Name: terminal.Choose, Service: "sample-pay"}))
		require.NoError(t, s.do(terminal.Action{Name: terminal.GiveID, Account: typed("0123456789"), Code: typed("4649")}))
		s.shows(terminal.Confirm)
		time.Sleep(time.Second)
		s.press(terminal.Agree)
		s.shows(terminal.Done)
		s.press(terminal.Finish)
		s.slot.Remove()
		s.shows(terminal.Welcome)
		assert.Equal(t, []string{"begun ", "renewed ", "applied ", "finished ", "ended "}, s.log)
		for _, e := range s.events {
			assert.Equal(t, s.events[0].Visit, e.Visit, e.Name)
			assert.Len(t, e.Visit, 10)
		}
		assert.Zero(t, s.events[0].Duration)
		assert.GreaterOrEqual(t, s.events[4].Duration, time.Second)

		first := s.events[0].Visit
		s.start()
		s.press(terminal.Finish)
		assert.NotEqual(t, first, s.events[5].Visit, "another visit has another number")
	})
}

package counter_test

import (
	"fmt"
	"image"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/counter"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// A clerk checks a card: the data and pictures are shown, a record without personal data is kept, and
// everything goes when the card is taken.
func TestCheck(t *testing.T) {
	withCounter(t, simulator.ContactExtended, nil, func(s *fixture, card *simulator.Card) {
		s.shows(counter.Place)
		require.NoError(t, s.slot.Insert(card))
		assert.Equal(t, 10, s.shows(counter.Number).Counter.Remaining)
		s.enter(printed...)
		v := s.shows(counter.Shown)
		assert.Equal(t, "19850401", v.Holder.Birth())
		assert.Equal(t, trust.IssuerSimulator, v.Holder.Issuer())
		assert.Equal(t, "20350401", v.Holder.Unsigned().Expiry())
		assert.Equal(t, image.Pt(378, 472), size(t, v.Holder.Photo))
		for _, name := range []string{"photo", "name", "address"} {
			assert.False(t, s.counter.Picture(v.Step, name).Empty(), name)
			assert.True(t, s.counter.Picture("another step", name).Empty())
		}
		assert.True(t, s.counter.Picture(v.Step, "security-code").Empty())
		assert.False(t, card.State().Unlocked)
		assert.NotContains(t, fmt.Sprintf("%+v %#v", v.Holder, v.Holder), "1985")

		s.press(counter.SamePerson)
		v = s.shows(counter.Take)
		require.Len(t, s.kept, 1)
		assert.Equal(t, &s.kept[0], v.Kept)
		assert.Equal(t, counter.Record{
			Reference: v.Kept.Reference, Time: time.Now().UTC().Truncate(time.Second), Result: "same-person", Authority: trust.IssuerSimulator,
			Checked: []string{"signature", "card-key", "authority"}, Unchecked: []string{"revocation", "validity"},
		}, *v.Kept)
		assert.Nil(t, v.Holder)
		s.slot.Remove()
		s.shows(counter.Place)
		assert.Equal(t, []string{"begun ", "shown ", "recorded ", "ended "}, s.log)
	})
}

// Nothing of a card is left when it is taken, when the page is replaced, or when nobody does anything.
//
// Faults: F147.
func TestDataAreWiped(t *testing.T) {
	for name, end := range map[string]func(s *fixture){
		"taken": func(s *fixture) {
			s.slot.Remove()
			s.shows(counter.Place)
		},
		"page replaced": func(s *fixture) {
			s.counter.Abandon()
			s.shows(counter.Take)
		},
		"idle": func(s *fixture) {
			time.Sleep(2*time.Minute + 31*time.Second)
			assert.True(t, s.shows(counter.Shown).Ending)
			s.press(counter.MoreTime)
			assert.False(t, s.shows(counter.Shown).Ending)
			time.Sleep(3*time.Minute + time.Second)
			assert.Equal(t, message.Code("IDLE"), s.shows(counter.Problem).Notice.Code)
		},
		"other person": func(s *fixture) {
			s.press(counter.OtherPerson)
			assert.Equal(t, "other-person", s.shows(counter.Take).Kept.Result)
		},
		"finished": func(s *fixture) {
			s.press(counter.Finish)
			assert.Nil(t, s.shows(counter.Take).Kept)
		},
		"stopped": func(s *fixture) { s.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			withCounter(t, simulator.Contact, nil, func(s *fixture, card *simulator.Card) {
				require.NoError(t, s.slot.Insert(card))
				s.enter(printed...)
				v := s.shows(counter.Shown)
				end(s)
				synctest.Wait()
				assert.True(t, v.Holder.Photo.Empty())
				assert.True(t, v.Holder.Name.Empty())
				assert.True(t, v.Holder.Address.Empty())
				now, _ := s.counter.View()
				assert.Nil(t, now.Holder)
				assert.Len(t, s.kept, map[bool]int{true: 1}[name == "other person"])
			})
		})
	}
}

// What can't be printed on a card is not sent to it.
//
// Faults: F149.
func TestEntriesThatCannotBeRight(t *testing.T) {
	withCounter(t, simulator.Contact, nil, func(s *fixture, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		for _, c := range []struct {
			fields []string
			wrong  []counter.Field
		}{
			{[]string{"", "", "", "", ""}, []counter.Field{counter.Year, counter.Month, counter.Day, counter.Expiry, counter.Code}},
			{[]string{"60", "13", "32", "2035", "5678"}, []counter.Field{counter.Month, counter.Day}},
			{[]string{"1985", "4", "1", "35", "567"}, []counter.Field{counter.Year, counter.Expiry, counter.Code}},
			{[]string{"6o", "4", "1", "2035", "56789"}, []counter.Field{counter.Year, counter.Code}},
			{[]string{"60", "4", "1", "20-35", "5 78"}, []counter.Field{counter.Expiry, counter.Code}},
			{[]string{"60", "4", "1"}, []counter.Field{counter.Expiry, counter.Code}},
		} {
			s.enter(c.fields...)
			assert.Equal(t, c.wrong, s.shows(counter.Number).Wrong, "%q", c.fields)
		}
		s.enter("６０", " ４", "01　", "２０３５", "5678") // full-width digits, and spaces
		s.shows(counter.Shown)
	})
}

// A wrong number leaves one attempt less, and the last one is used only if the clerk agrees to it.
func TestWrongNumber(t *testing.T) {
	withCounter(t, simulator.Contact, nil, func(s *fixture, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		for left := 9; left >= 1; left-- {
			s.enter("60", "4", "1", "2035", "0000")
			assert.Equal(t, left, s.shows(counter.WrongNumber).Counter.Remaining)
			s.press(counter.TryAgain)
		}
		assert.Equal(t, 1, s.shows(counter.LastAttempt).Counter.Remaining)
		s.press(counter.Finish)
		s.shows(counter.Take)
		s.slot.Remove()
		require.NoError(t, s.slot.Insert(card))
		s.shows(counter.LastAttempt)
		s.press(counter.UseLastAttempt)
		s.enter("60", "4", "1", "2035", "0000")
		v := s.shows(counter.Problem)
		assert.Equal(t, message.EntryLocked, v.Notice.Code)
		assert.True(t, v.CardInside)
		s.slot.Remove()
		require.NoError(t, s.slot.Insert(card))
		assert.Equal(t, message.EntryLocked, s.shows(counter.Problem).Notice.Code)
		assert.Equal(t, 3, card.State().AuthAttempts, "the PIN is not involved")
	})
}

// The screen says that a record was kept only if it was, and keeping it can be tried again.
//
// Faults: F148.
func TestRecordNotKept(t *testing.T) {
	withCounter(t, simulator.Contact, nil, func(s *fixture, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.enter(printed...)
		s.shows(counter.Shown)
		s.diskFull = true
		s.press(counter.SamePerson)
		assert.Nil(t, s.shows(counter.NotKept).Kept)
		s.press(counter.TryAgain)
		s.shows(counter.NotKept)
		s.diskFull = false
		s.press(counter.TryAgain)
		assert.NotNil(t, s.shows(counter.Take).Kept)
		assert.Len(t, s.kept, 1)
	})
}

// Without Keep there is no record, and nothing that says so.
func TestNoRecords(t *testing.T) {
	withCounter(t, simulator.Contact, func(c *counter.Config) { c.Keep = nil }, func(s *fixture, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.enter(printed...)
		assert.False(t, s.shows(counter.Shown).Records)
		s.press(counter.Finish)
		assert.Nil(t, s.shows(counter.Take).Kept)
	})
}

// Cards that can't be checked, and what the clerk is told.
func TestCardsThatCannotBeChecked(t *testing.T) {
	for _, c := range []struct {
		name    string
		profile simulator.Profile
		fault   *simulator.Fault
		change  func(*counter.Config)
		entered bool // the card is found to be unusable only after the number
		code    message.Code
	}{
		{name: "phone", profile: simulator.Android, code: "NO_SUCH_APPLICATION"},
		{name: "authority that is not the caller's", profile: simulator.Contact, entered: true, change: func(c *counter.Config) {
			c.Policy = cvc.Policy{Required: true}
		}, code: message.AuthorityUnknown},
		{name: "card taken while it is read", profile: simulator.Contact, entered: true,
			fault: &simulator.Fault{On: simulator.Transmit, INS: apdu.InsReadBinary, Nth: 2, Do: simulator.PullCard()}, code: ""},
		{name: "reader that fails", profile: simulator.Contact, entered: true,
			fault: &simulator.Fault{On: simulator.Transmit, INS: apdu.InsReadBinary, Do: simulator.FailBefore(reader.ErrTransport)}, code: message.ReadFailed},
	} {
		t.Run(c.name, func(t *testing.T) {
			withCounter(t, c.profile, c.change, func(s *fixture, card *simulator.Card) {
				require.NoError(t, s.slot.Insert(card))
				if c.fault != nil {
					s.slot.AddFault(*c.fault)
				}
				if c.entered {
					s.enter(printed...)
				}
				if c.code == "" {
					s.shows(counter.Place)
					return
				}
				v := s.shows(counter.Problem)
				assert.Equal(t, c.code, v.Notice.Code)
				assert.Nil(t, v.Holder)
				assert.Empty(t, s.kept)
				s.slot.Remove()
				s.shows(counter.Place)
			})
		})
	}
}

// A reader that breaks the connection at the first command with an extended length is asked again with
// short lengths; the clerk types the number once.
//
// Faults: F146.
func TestReaderWithoutExtendedLengths(t *testing.T) {
	withCounter(t, simulator.Contact, nil, func(s *fixture, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.slot.AddFault(simulator.Fault{On: simulator.Transmit, INS: apdu.InsReadBinary, Nth: 2, Do: simulator.FailBefore(reader.ErrTransport)})
		s.enter(printed...)
		s.shows(counter.Shown)
	})
}

// Data whose authority is not known are shown, and marked so.
//
// Faults: F143.
func TestUnknownAuthority(t *testing.T) {
	withCounter(t, simulator.Contact, func(c *counter.Config) { c.Policy = cvc.Policy{} }, func(s *fixture, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		s.enter(printed...)
		assert.Equal(t, trust.IssuerUnknown, s.shows(counter.Shown).Holder.Issuer())
		s.press(counter.SamePerson)
		v := s.shows(counter.Take)
		assert.Contains(t, v.Kept.Unchecked, "authority")
		assert.NotContains(t, v.Kept.Checked, "authority")
	})
}

// The counter waits for the service, a reader and one card, and says which of them is missing.
func TestWhatIsMissing(t *testing.T) {
	withCounter(t, simulator.Contact, nil, func(s *fixture, card *simulator.Card) {
		s.shows(counter.Place)
		s.driver.StopService()
		assert.Equal(t, message.PCSCUnavailable, s.shows(counter.Problem).Notice.Code)
		s.driver.StartService()
		s.shows(counter.Place)
		s.driver.RemoveReader(s.slot)
		assert.Equal(t, message.ReaderNotFound, s.shows(counter.Problem).Notice.Code)
		s.slot = s.driver.AddReader("Reader")
		s.shows(counter.Place)

		other := s.driver.AddReader("Other reader")
		require.NoError(t, other.Insert(newCard(t, simulator.NotMyNumber)))
		s.shows(counter.Place)
		other.Remove()
		require.NoError(t, s.slot.Insert(card))
		s.shows(counter.Number)
		second := newCard(t, simulator.Contactless)
		require.NoError(t, other.Insert(second))
		s.shows(counter.Number) // the check goes on
		s.slot.Remove()
		s.shows(counter.Number) // of the second card
		require.NoError(t, s.slot.Insert(card))
		other.Remove()
		s.shows(counter.Number)
	})
}

// Two cards at once: none of them is chosen.
func TestTwoCards(t *testing.T) {
	withCounter(t, simulator.Contact, nil, func(s *fixture, card *simulator.Card) {
		s.driver.StopService()
		other := s.driver.AddReader("Other reader")
		require.NoError(t, other.Insert(newCard(t, simulator.Contactless)))
		require.NoError(t, s.slot.Insert(card))
		s.driver.StartService()
		time.Sleep(5 * time.Second)
		assert.Equal(t, message.SeveralCards, s.shows(counter.Problem).Notice.Code)
		other.Remove()
		time.Sleep(5 * time.Second)
		s.shows(counter.Number)
	})
}

// An action belongs to the view on which it was made, and acts once. A late number is not sent.
func TestStaleActions(t *testing.T) {
	withCounter(t, simulator.Contact, nil, func(s *fixture, card *simulator.Card) {
		require.NoError(t, s.slot.Insert(card))
		v := s.shows(counter.Number)
		assert.ErrorIs(t, s.do(counter.Action{Name: counter.SamePerson}), counter.ErrStale)
		assert.ErrorIs(t, s.do(counter.Action{Name: "unknown"}), counter.ErrStale)
		require.NoError(t, s.do(counter.Action{Name: counter.SetLanguage, Language: message.English}))
		assert.Equal(t, message.English, s.shows(counter.Number).Language)
		assert.ErrorIs(t, s.counter.Do(counter.Action{Step: v.Step, Name: counter.EnterNumber, Entry: entry("60", "4", "1", "2035", "0000")}), counter.ErrStale)
		v = s.shows(counter.Number)
		require.NoError(t, s.counter.Do(counter.Action{Step: v.Step, Name: counter.EnterNumber, Entry: entry(printed...)}))
		assert.ErrorIs(t, s.counter.Do(counter.Action{Step: v.Step, Name: counter.EnterNumber, Entry: entry(printed...)}), counter.ErrStale)
		assert.Equal(t, message.English, s.shows(counter.Shown).Language)
	})
}

package counter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"sync"
	"time"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/internal/jp2"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/face"
	"github.com/mykeykit/mykeykit/jpki/verification"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
)

// Why a check ends before its last screen.
var (
	errGone      = errors.New("the card was taken")
	errIdle      = errors.New("nobody did anything")
	errAbandoned = errors.New("the page was replaced")
	errFinished  = errors.New("the clerk has ended the check")
	errPicture   = errors.New("a picture of the card can't be shown")
)

// serve checks a card, and returns when it was taken. It returns an error if watching fails or ctx is
// done.
func (c *Counter) serve(ctx context.Context, found reader.Reader) (err error) {
	c.config.Log("begun", "")
	present, leave := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		err = reader.WaitGone(present, c.config.Driver, found)
		leave(errGone)
	})
	defer func() {
		leave(nil)
		watch.Wait()
		if c.config.AfterCheck != nil {
			time.AfterFunc(afterDelay, c.config.AfterCheck)
		}
	}()

	checking, end := context.WithCancelCause(present)
	c.mu.Lock()
	c.end = end
	c.mu.Unlock()
	reason := c.check(checking, found)
	if cause := context.Cause(checking); errors.Is(reason, context.Canceled) && !errors.Is(reason, face.ErrStillUnlocked) {
		reason = cause
	}
	end(nil)
	if present.Err() == nil {
		c.showEnd(reason)
		<-present.Done()
	}
	c.config.Log("ended", "")
	c.show(View{Screen: Place})
	watch.Wait()
	return err
}

// showEnd shows why a check ended, until the card is taken.
func (c *Counter) showEnd(reason error) {
	switch {
	case reason == nil: // the record is shown
	case reason == errFinished, reason == errAbandoned:
		c.show(View{Screen: Take})
	default:
		notice := noticeFor(reason)
		c.config.Log("refused", notice.Code)
		c.show(View{Screen: Problem, Notice: notice, CardInside: true})
	}
}

// check does all steps of a check while ctx lasts: until the card is taken, or the page is replaced.
func (c *Counter) check(ctx context.Context, found reader.Reader) error {
	c.show(View{Screen: Checking})
	left, err := c.attempts(ctx, found)
	if err != nil {
		return err
	}
	for {
		entry, allowLast, err := c.askNumber(ctx, left)
		if err != nil {
			return err
		}
		c.show(View{Screen: Reading})
		data, err := c.read(ctx, found, face.Reader{Policy: c.config.Policy, AllowLastAttempt: allowLast, Shown: &left}, entry.Number)
		var wrong *credential.Error
		switch {
		case errors.As(err, &wrong) && wrong.Reason == credential.ErrWrong && wrong.Known && wrong.Remaining > 0 && !errors.Is(err, face.ErrStillUnlocked):
			c.config.Log("refused", message.For(err).Code)
			left = credential.Counter{Remaining: wrong.Remaining, Max: wrong.Max}
		case err != nil:
			return err
		default:
			return c.showHolder(ctx, data)
		}
		if _, err := c.awaitOther(ctx, View{Screen: WrongNumber, Counter: &left}); err != nil {
			return err
		}
	}
}

// awaitOther is like await, but returns errFinished if the clerk ends the check.
func (c *Counter) awaitOther(ctx context.Context, v View) (Action, error) {
	a, err := c.await(ctx, v)
	if err == nil && a.Name == Finish {
		err = errFinished
	}
	return a, err
}

// attempts reads the attempts left for verification number B.
func (c *Counter) attempts(ctx context.Context, found reader.Reader) (left credential.Counter, err error) {
	card, err := c.config.Driver.Connect(ctx, found.Name)
	if err != nil {
		return left, err
	}
	defer card.Close()
	all, err := face.Counters(ctx, card)
	if err == nil && all.NumberB.Locked() {
		err = credential.VerificationNumberB.NotSent(credential.ErrLocked, all.NumberB)
	}
	return all.NumberB, err
}

// askNumber asks for the number until it can be what is printed on a card. It first asks whether to use
// the last attempt.
func (c *Counter) askNumber(ctx context.Context, left credential.Counter) (e Entry, allowLast bool, err error) {
	if left.Remaining == 1 {
		if _, err := c.awaitOther(ctx, View{Screen: LastAttempt, Counter: &left}); err != nil {
			return e, false, err
		}
		allowLast = true
	}
	for {
		a, err := c.awaitOther(ctx, View{Screen: Number, Counter: &left, Wrong: e.Wrong})
		if err != nil || len(a.Entry.Wrong) == 0 {
			return a.Entry, allowLast, err
		}
		e = a.Entry
	}
}

// read reads the card. It connects again if the reader breaks the connection while the accepted lengths
// are found out.
func (c *Counter) read(ctx context.Context, found reader.Reader, r face.Reader, number verification.NumberB) (*face.Data, error) {
	unlock := face.ByNumberB(number)
	defer unlock.Wipe()
	once := func() (*face.Data, error) {
		card, err := c.config.Driver.Connect(ctx, found.Name)
		if err != nil {
			return nil, err
		}
		defer card.Close()
		return r.Read(ctx, card, unlock)
	}
	data, err := once()
	if errors.Is(err, apdu.ErrProbe) {
		r.ShortLengths = true
		data, err = once()
	}
	return data, err
}

// showHolder shows what was read, and keeps a record if the counter keeps records and the clerk has
// compared the customer with the photograph.
func (c *Counter) showHolder(ctx context.Context, data *face.Data) error {
	holder, err := newHolder(data)
	if err != nil {
		return err
	}
	defer holder.wipe()
	c.config.Log("shown", "")
	a, err := c.awaitOther(ctx, View{Screen: Shown, Holder: holder})
	if err != nil {
		return err
	}
	if c.config.Keep == nil {
		return errFinished
	}
	record := newRecord(time.Now(), a.Name == SamePerson, data.Issuer())
	holder.wipe()
	for c.config.Keep(record) != nil {
		c.config.Log("refused", recordNotKept)
		if _, err := c.awaitOther(ctx, View{Screen: NotKept}); err != nil {
			return err
		}
	}
	c.config.Log("recorded", "")
	c.show(View{Screen: Take, Kept: &record})
	return nil
}

// newHolder decodes the pictures, and encodes them as PNG. So the browser decodes no bytes of a card.
func newHolder(data *face.Data) (*Holder, error) {
	photo, err := jp2.Decode(data.PhotoJP2())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPicture, err)
	}
	defer clear(photo.Pix)
	h := &Holder{Data: data}
	if h.Photo, err = encode(photo); err != nil {
		return nil, err
	}
	for _, p := range []struct {
		to   *hidden.Bytes
		from []byte
	}{{&h.Name, data.NamePNG()}, {&h.Address, data.AddressPNG()}} {
		picture, err := decodePNG(p.from)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errPicture, err)
		}
		if *p.to, err = encode(picture); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// maxPixels bounds a picture. Those of test cards have fewer than 200,000 (observed).
const maxPixels = 4 << 20

func decodePNG(file []byte) (image.Image, error) {
	size, err := png.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	if size.Width > maxPixels || size.Height > maxPixels || size.Width*size.Height > maxPixels {
		return nil, fmt.Errorf("picture of %d × %d pixels", size.Width, size.Height)
	}
	return png.Decode(bytes.NewReader(file))
}

// encode encodes a picture. The buffer does not grow, so no copy is left behind.
func encode(picture image.Image) (hidden.Bytes, error) {
	size := picture.Bounds()
	b := bytes.NewBuffer(make([]byte, 0, 8*size.Dx()*size.Dy()+4<<10))
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	err := encoder.Encode(b, picture)
	return hidden.NewBytes(b.Bytes()), err
}

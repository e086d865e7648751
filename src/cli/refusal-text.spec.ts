import { expect, it } from '@jest/globals'
import { Refusal } from '../domain/refusal.js'
import { describeRefusal } from './refusal-text.js'

it('advises by what the signer said, and of a code it does not know by who said it', () => {
  const said = (code: string): string => describeRefusal(new Refusal('SIGNER_REFUSED', { code, check: 13 }))[1]
  expect(said('CHANGE_WINDOW_CLOSED')).toContain('signed within a minute after the window opened')
  expect(said('KRL_EXPIRED')).toBe('next: renew the revocation list: "countersign keys renew"')
  expect(said('SOMETHING_NEW')).toContain('anybody who approved it may approve it again')
})

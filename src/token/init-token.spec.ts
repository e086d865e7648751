import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { createScratchToken, type ScratchToken } from '../../test/support/scratch-token.js'
import { Refusal } from '../domain/refusal.js'
import { openModule } from './cryptoki-module.js'
import { initToken } from './init-token.js'
import { listTokenSlots, requireTokenSlot } from './token-slot.js'

let scratch: ScratchToken
beforeAll(() => {
  scratch = createScratchToken('first')
})
afterAll(() => scratch.dispose())

const wanted = (label: string): Parameters<typeof initToken>[0] => ({
  modulePath: scratch.modulePath,
  label,
  soPin: '11111111',
  userPin: '22222222',
})
function initialized(): string[] {
  const module = openModule(scratch.modulePath)
  const found = listTokenSlots(module.cryptoki).filter((token) => token.initialized)
  module.release()
  return found.map((token) => token.label).sort()
}

it('makes a second token beside the first, whose label has 32 bytes in fewer characters', () => {
  const label = 'é'.repeat(16)
  initToken(wanted(label))
  expect(initialized()).toEqual(['first', label])
})

it('never initialises a token of the same label again', () => {
  expect(() => initToken(wanted('first'))).toThrow(
    new Refusal('TOKEN_FAILED', { step: 'initialise a token', why: 'there is a token "first" already' }),
  )
})

it.each(['', ' first', 'first ', 'x'.repeat(33), 'é'.repeat(17), 'a\nb'])('refuses the label %j', (label) => {
  const before = initialized()
  expect(() => initToken(wanted(label))).toThrow(
    expect.objectContaining({ code: 'REQUEST_INVALID', detail: expect.objectContaining({ field: 'label' }) }),
  )
  expect(initialized()).toEqual(before)
})

it('refuses a PIN that the token cannot take, and leaves no token half made', () => {
  const refused = new Refusal('TOKEN_PIN', { why: 'a PIN of this token has 4 to 255 bytes' })
  for (const pins of [{ soPin: '123' }, { userPin: '123' }, { userPin: '1'.repeat(256) }])
    expect(() => initToken({ ...wanted('short'), ...pins })).toThrow(refused)
  expect(initialized()).not.toContain('short')
})

it('leaves nothing to chance where another tool made two tokens of one label', () => {
  const module = openModule(scratch.modulePath)
  const empty = listTokenSlots(module.cryptoki).find((token) => !token.initialized)
  if (empty === undefined) throw new Error('no empty slot')
  module.cryptoki.C_InitToken(empty.slot, '11111111', 'first'.padEnd(32))
  expect(() => requireTokenSlot(module.cryptoki, { label: 'first' })).toThrow(
    new Refusal('TOKEN_FAILED', { step: 'find the token', why: 'more than one token "first"' }),
  )
  module.release()
})

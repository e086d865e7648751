import { expect, it } from '@jest/globals'
import { hashShown, isShown } from './shown-secret.js'

it('knows a header again, and no other one', () => {
  const known = hashShown('Device csd_a')
  expect(isShown('Device csd_a', known)).toBe(true)
  for (const other of ['Device csd_b', 'Device csd_a ', 'device csd_a', '', known])
    expect(isShown(other, known)).toBe(false)
})

it('what was never shown is not known, even where nothing was kept', () => {
  expect(isShown(undefined, hashShown(undefined))).toBe(false)
  expect(isShown('Device csd_a', '')).toBe(false)
})

it('holds nothing of the secret', () => expect(hashShown('Device csd_secret')).toMatch(/^[\w-]{43}$/))

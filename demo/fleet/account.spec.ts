import { describe, expect, it } from '@jest/globals'
import { account, type GroupWords, type StoredDevice } from './account.js'

const word = (id: string, sequence: number, state = 'confirmed') => ({ id, state, sequence })
const healthy: GroupWords = {
  name: 'healthy',
  devices: 2,
  expected: 'confirmed',
  words: new Map([
    [0, word('a', 7)],
    [1, word('b', 7)],
  ]),
}
const bad: GroupWords = {
  name: 'bad-boot',
  devices: 1,
  expected: 'reverted',
  words: new Map([[0, word('c', 0, 'reverted')]]),
}
const row = (id: string, state: string | null, sequence: number | null): StoredDevice => ({
  id,
  state,
  running_sequence: sequence,
})
const stored = [row('a', 'confirmed', 7), row('b', 'confirmed', 7), row('c', 'reverted', 0)]
const shown = { confirmed: 2, reverted: 1 }

describe('an account of a fleet', () => {
  it('has no differences where everybody says the same', () => {
    expect(account([healthy, bad], stored, shown, 7)).toMatchObject({ counts: shown, missing: [], differences: [] })
  })

  it('names a device that never spoke, and one that the database does not know', () => {
    const silent = { ...healthy, words: new Map([[0, word('a', 7)]]) }
    expect(account([silent, bad], stored, shown, 7)).toMatchObject({
      missing: ['healthy 1'],
      differences: ['b: nobody of ours'],
    })
    const unknown = account([healthy, bad], stored.slice(1), { confirmed: 1, reverted: 1 }, 7)
    expect(unknown.missing).toEqual(['a'])
  })

  it.each([
    [
      'a success that the device does not run',
      [row('a', 'confirmed', 7), row('b', 'confirmed', 7)],
      6,
      'runs 6 and is confirmed',
    ],
    [
      'a device left in flight',
      [row('a', 'confirmed', 7), row('b', 'downloading', 7)],
      7,
      'deployment is downloading, not confirmed',
    ],
    [
      'a device without a deployment',
      [row('a', 'confirmed', 7), row('b', null, 7)],
      7,
      'deployment is missing, not confirmed',
    ],
    [
      'a stored sequence that is another',
      [row('a', 'confirmed', 7), row('b', 'confirmed', 3)],
      7,
      'runs 7, stored as 3',
    ],
  ])('finds %s', (_, rows, runs, difference) => {
    const told = { ...healthy, words: new Map([...healthy.words, [1, word('b', runs)]]) }
    expect(account([told], rows, {}, 7).differences).toContain(`b: ${difference}`)
  })

  it('counts again what people are shown', () => {
    const { differences } = account([healthy, bad], stored, { confirmed: 3 }, 7)
    expect(differences).toEqual(['confirmed: 3 are shown, 2 are there', 'reverted: 0 are shown, 1 are there'])
  })
})

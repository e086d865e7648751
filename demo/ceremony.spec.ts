import { expect, it } from '@jest/globals'
import { rolesOfTokens, specifyRoot } from './ceremony.js'
import type { People } from './people.js'

const DAY = 86_400
const now = 1_800_000_000
const key = { keyId: '', publicKey: '' }
const person = { publicKey: key }
const people = { holders: [person], policySigners: [person], emergency: person } as unknown as People

const tokenKeys = [...rolesOfTokens.release, ...rolesOfTokens.online].map((role) => ({ ...key, role, alg: -19 }))
const { roles } = specifyRoot(people, tokenKeys, now)
/** First and last day of each key of a role, counted from the ceremony. */
const daysOf = (role: string): (readonly [number, number])[] =>
  (roles[role]?.keys ?? []).map(({ notBefore = 0, notAfter = 0 }) => [
    // A minute of slack belongs to the first day.
    Math.ceil((notBefore - now + 60) / DAY),
    Math.round((notAfter - now) / DAY),
  ])

it.each(['manifest-a', 'krl', 'assignment', 'freshness'])('asks for no renewal of %s on the first day', (role) => {
  const days = daysOf(role)
  // As `falling-due.ts` has it: with the start of the last successor, else with the end of the only key.
  const due = days.length > 1 ? Math.max(...days.map(([from]) => from)) : Math.max(...days.map(([, to]) => to))
  expect(due).toBeGreaterThan(30)
})

it('has keys of the online signer follow each other every month', () => {
  const months = [
    [0, 30],
    [25, 55],
    [50, 80],
  ]
  expect([daysOf('assignment'), daysOf('freshness')]).toEqual([months, months])
})

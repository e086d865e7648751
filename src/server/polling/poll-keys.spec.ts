import { expect, it } from '@jest/globals'
import { PollKeys } from './poll-keys.js'

const asked = {
  url: '/device/v1/gateway/prod/a/update',
  headers: { authorization: 'Device csd_a', host: 'updates.example', accept: 'application/cbor' },
}

it('knows a poll again, and none that differs in anything its answer depends on', () => {
  const keys = new PollKeys()
  const known = keys.of(asked)
  expect(keys.of({ ...asked, headers: { ...asked.headers } })).toBe(known)
  const { headers } = asked
  for (const other of [
    { ...asked, url: `${asked.url}?root=1` },
    ...['Device csd_b', 'Device csd_a ', 'device csd_a', ''].map((authorization) => ({
      ...asked,
      headers: { ...headers, authorization },
    })),
    { ...asked, headers: { ...headers, host: 'other.example' } },
    { ...asked, headers: { ...headers, accept: 'application/json' } },
    { ...asked, headers: { authorization: headers.authorization, host: headers.host } },
    { ...asked, headers: { authorization: headers.authorization, host: '', accept: headers.accept } },
    // What moves from one word to the next is not the same words.
    { ...asked, headers: { ...headers, authorization: 'Device csd_', host: 'aupdates.example' } },
  ])
    expect(keys.of(other)).not.toBe(known)
})

it('an empty word and none are two things', () => {
  const keys = new PollKeys()
  const { accept: _, ...headers } = asked.headers
  expect(keys.of({ ...asked, headers: { ...headers, accept: '' } })).not.toBe(keys.of({ ...asked, headers }))
})

it('who shows no secret is nobody that is known', () =>
  expect(new PollKeys().of({ url: '/a', headers: {} })).toBeNull())

it('no two processes know a poll by the same hash, and none by its secret', () => {
  const [one, other] = [new PollKeys().of(asked), new PollKeys().of(asked)]
  expect(one).not.toBe(other)
  expect(one).toHaveLength(32)
})

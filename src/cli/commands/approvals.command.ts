import type { Command } from 'commander'
import { z } from 'zod'
import { KrlRequestAnswer, ReleaseRowAnswer, RolloutRowAnswer } from '../api-answers.js'
import { listAll } from '../api-list.js'
import { defineCommand, defineGroup, sessionOf, type CommonOptions } from '../command-shape.js'
import type { World } from '../session.js'

const ReSignRow = z.looseObject({ id: z.string(), releaseId: z.string() })

/** `approvals`: what waits for people, in one list. */
export function addApprovalsCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'approvals', 'what waits for people to approve it')
  defineCommand(group, 'list', 'everything that waits, and the command that approves it', 'approvals list').action(
    (options: CommonOptions) => list(world, options),
  )
}

interface Waiting {
  readonly what: string
  readonly id: string
  readonly about: string
  readonly next: string
}

async function list(world: World, options: CommonOptions): Promise<void> {
  const { api, output } = sessionOf(world, options)
  const [releases, reSigns, lists, rollouts] = await Promise.all([
    listAll(api, '/releases', ReleaseRowAnswer),
    listAll(api, '/re-sign-requests', ReSignRow),
    listAll(api, '/krl-requests', KrlRequestAnswer),
    listAll(api, '/rollouts', RolloutRowAnswer),
  ])
  const unsigned = releases.filter(({ state }) => state === 'awaiting-approval')
  const waiting: Waiting[] = [
    ...unsigned
      // A fallback is approved with its release, in one act.
      .filter(({ fallbackOf }) => !unsigned.some(({ id }) => id === fallbackOf))
      .map((each) => row('release', each.id, aboutRelease(each), `release approve ${each.id}`)),
    ...reSigns.map(({ id, releaseId }) => row('re-sign', id, `release ${releaseId}`, `release re-sign ${releaseId}`)),
    ...lists
      .filter(({ state }) => state === 'awaiting-approval')
      .map(({ id, number }) => row('revocation list', id, `number ${number}`, `keys approve ${id}`)),
    ...rollouts
      .filter(({ state }) => state === 'planned')
      .map(({ id }) => row('rollout', id, 'its pace', `rollout approve ${id}`)),
  ]
  if (waiting.length === 0) output.line('nothing waits for anybody')
  for (const { what, about, next } of waiting)
    output.lines([`${what.padEnd(15)}  ${about}`, `  next: countersign ${next} --key FILE`])
  output.result(waiting)
}

/** With the signer's no, which the quorum did not change: a change window that is closed, say. */
const aboutRelease = ({ version, sequence, lastRefusal }: ReleaseRowAnswer): string =>
  `${version}, sequence ${sequence}${lastRefusal ? `; the signer refused it last: ${lastRefusal.code}` : ''}`

const row = (what: string, id: string, about: string, next: string): Waiting => ({ what, id, about, next })

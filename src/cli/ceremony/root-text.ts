import type { Root, RootRole } from '../../domain/trust/root.js'
import { keyRoles, type KeyRole } from '../../domain/trust/roles.js'
import { exactDurationText, timeText } from '../quantity-text.js'

/** Everything a root says, for the people who sign it. */
export function describeRoot(root: Root): string[] {
  return [
    `root ${root.version} of ${root.namespace}, epoch ${root.epoch}`,
    `valid         ${timeText(root.issued)} to ${timeText(root.expires)}`,
    `algorithms    ${root.algorithms.join(', ')}`,
    `KRL           number ${root.leastKrlNumber} at least, life ${exactDurationText(root.longestKrlLifeSeconds)} at most`,
    ...[...root.floors].map(([classId, floor]) => `floor         class ${classId}: sequence ${floor}`),
    `log           ${logText(root)}`,
    ...[...root.roles].flatMap(([role, row]) => [
      `role ${role}: ${row.threshold} of ${row.keyIds.length}`,
      ...row.keyIds.map((keyId) => `  ${keyId}  ${lifeText(root, keyId)}`),
    ]),
  ]
}

const logText = ({ log }: Root): string =>
  log === undefined
    ? 'none'
    : `${log.logKeys.join(', ')}; ${log.quorum} of witnesses ${log.witnessKeys.join(', ') || 'none'}`

const lifeText = (root: Root, keyId: string): string => {
  const key = root.keys.get(keyId)
  return key === undefined ? '' : `${timeText(key.notBefore)} to ${timeText(key.notAfter)} (algorithm ${key.alg})`
}

/** What a successor changes, one sentence a line. */
export function describeRootDifference(before: Root, after: Root): string[] {
  const lines = [
    `Root ${after.version} of ${after.namespace}, issued ${timeText(after.issued)}, follows root ${before.version}, issued ${timeText(before.issued)}.`,
  ]
  const say = (text: string, changed: boolean): void => {
    if (changed) lines.push(text)
  }
  say(`It expires ${timeText(after.expires)} instead of ${timeText(before.expires)}.`, after.expires !== before.expires)
  say(
    `The epoch goes from ${before.epoch} to ${after.epoch}: devices FORGET every revocation list they hold.`,
    after.epoch !== before.epoch,
  )
  say(
    `The least revocation list is number ${after.leastKrlNumber} instead of ${before.leastKrlNumber}.`,
    after.leastKrlNumber !== before.leastKrlNumber,
  )
  say(
    `A revocation list lives ${exactDurationText(after.longestKrlLifeSeconds)} at most instead of ${exactDurationText(before.longestKrlLifeSeconds)}.`,
    after.longestKrlLifeSeconds !== before.longestKrlLifeSeconds,
  )
  say(
    `The algorithms are ${after.algorithms.join(', ')} instead of ${before.algorithms.join(', ')}.`,
    after.algorithms.join() !== before.algorithms.join(),
  )
  say(`The log is ${logText(after)} instead of ${logText(before)}.`, logText(after) !== logText(before))
  for (const classId of new Set([...before.floors.keys(), ...after.floors.keys()]))
    say(
      `The floor of class ${classId} goes from ${before.floors.get(classId) ?? 0} to ${after.floors.get(classId) ?? 0}.`,
      (before.floors.get(classId) ?? 0) !== (after.floors.get(classId) ?? 0),
    )
  for (const role of keyRoles) lines.push(...roleDifference(role, before, after))
  return lines.length === 1 ? [...lines, 'Nothing else changes.'] : lines
}

const none: RootRole = { threshold: 0, keyIds: [] }

function roleDifference(role: KeyRole, before: Root, after: Root): string[] {
  const old = before.roles.get(role) ?? none
  const young = after.roles.get(role) ?? none
  const lines = young.keyIds
    .filter((keyId) => !old.keyIds.includes(keyId))
    .map((keyId) => `Role ${role} gains key ${keyId}, ${lifeText(after, keyId)}.`)
  for (const keyId of old.keyIds) {
    if (!young.keyIds.includes(keyId)) lines.push(`Role ${role} loses key ${keyId}.`)
    else if (lifeText(before, keyId) !== lifeText(after, keyId))
      lines.push(
        `Key ${keyId} of role ${role} now lives ${lifeText(after, keyId)} instead of ${lifeText(before, keyId)}.`,
      )
  }
  if (old.threshold !== young.threshold)
    lines.push(`Role ${role} needs ${young.threshold} signatures instead of ${old.threshold}.`)
  return lines
}

/** Users of a website that runs the old module, as they register. */
import type { NewUser } from '../../scripts/module/website.ts'
import { canary } from './canaries.ts'

/** A day so many years ago, for birth dates. */
export function yearsAgo(years: number): string {
  const now = new Date()
  return `${now.getUTCFullYear() - years}${now.toISOString().slice(4, 10)}`.replace(
    '02-29',
    '02-28',
  )
}

/** A woman in Italy with a picture, a photo, and all answers. */
export function aUser(name: string, more: Partial<NewUser> = {}): NewUser {
  return {
    nickname: name,
    fname: name,
    sname: `Van ${name}`,
    birth_date: '1990-02-03',
    user_type: 'female',
    looking_user_type: 'male',
    age_max: 60,
    country_code: 'IT',
    city: 'Siena',
    lang: 'IT',
    address: `${name.toLowerCase()}@mail.example`,
    profile: { height: '170 cm', weight: '60 kg', body_type: 'Athletic' },
    pictures: [`${name}-icon`, `${name}-1`],
    decision: 'agree',
    ...more,
  }
}

/** The same with a word that stands nowhere else in the world in every text, for {@link canary}. */
export function aSecretUser(name: string): NewUser {
  return aUser(canary(`${name} nickname`), {
    fname: canary(`${name} first`),
    sname: canary(`${name} last`),
    city: canary(`${name} city`),
    region: canary(`${name} region`),
    postal_code: canary(`${name} code`).slice(0, 12),
    address: `${canary(`${name} address`)}@mail.example`,
    pictures: [canary(`${name} picture`)],
  })
}

import { z } from 'zod'

/** Largest distance from the epoch that an ECMAScript Date can show (ECMA-262, 21.4.1.1). */
const TIME_MS_MAX = 8_640_000_000_000_000

/** Unix milliseconds. Negative before 1970: a memory may be about someone's birth. */
export const TimestampMs = z.int().min(-TIME_MS_MAX).max(TIME_MS_MAX)

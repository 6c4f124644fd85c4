import { ENGLISH_DATE } from './fact-dates.ts'
import type { FactPattern, Groups } from './fact-pattern.ts'

const DATE = `(?i:${ENGLISH_DATE})`
const RELATION =
  'wife|husband|spouse|partner|girlfriend|boyfriend|fianc[eé]e?|mother|mom|mum|father|dad|sister|brother|son|daughter|aunt|uncle|cousin|grandmother|grandfather|grandma|grandpa|niece|nephew|boss|manager|colleague|coworker|roommate|flatmate|neighbou?r|friend|best friend|teacher|doctor'
const NAME = "\\p{Lu}[\\p{L}'-]+(?: \\p{Lu}[\\p{L}'-]+){0,2}"
/** Who a clause is about. */
const S = `(?<s>I|we|my (?:${RELATION})(?: ${NAME})?|${NAME})`
/** Whose something is. */
const OF = `(?<s>my|our|my (?:${RELATION})'s|${NAME}'s)`
const PLACE = "(?<o>(?:the |downtown )?\\p{Lu}[\\p{L}'.-]*(?:,? (?:of |de |the |and )?\\p{Lu}[\\p{L}'.-]*){0,4})"
const COMPANY = "(?<o>(?:the )?[\\p{Lu}\\d][\\p{L}\\d'&.-]*(?: (?:of |and |& |for )?[\\p{Lu}\\d][\\p{L}\\d'&.-]*){0,4})"
const AM = '(?:am|are|is)'
const HAVE = '(?:(?:have|has) )?'
const PHRASE = "(?<o>[\\p{L}\\d][\\p{L}\\d'& -]{0,40}[\\p{L}\\d])"
const JOB_NOUN =
  'engineer|teacher|nurse|doctor|developer|designer|manager|lawyer|attorney|chef|cook|baker|writer|author|accountant|analyst|consultant|director|scientist|researcher|professor|lecturer|barista|photographer|architect|pilot|driver|electrician|plumber|journalist|editor|librarian|pharmacist|dentist|therapist|psychologist|programmer|barber|hairdresser|carpenter|farmer|firefighter|paramedic|realtor|salesperson|translator|interpreter|musician|artist|actor|actress|ceo|cto|cfo|coo|founder|intern|assistant|technician|mechanic|veterinarian|vet|surgeon|student|banker|bartender|waiter|waitress|cashier|receptionist|freelancer|administrator|coordinator|supervisor|principal|vice president|team lead|tech lead|product owner|tutor|coach|police officer|soldier|social worker|data entry clerk|clerk|tailor|gardener|biologist|chemist|physicist|economist|geologist|historian|contractor|estate agent|travel agent|flight attendant|trader|broker|animator|illustrator|filmmaker|producer|nutritionist|physiotherapist|midwife|radiologist|cardiologist'
const JOB = `(?:an? |the )?(?<o>(?:(?!(?:an?|the|my|your|to|for|not|in|on|with|like|of|\\p{L}+ing) )[\\p{L}-]+ ){0,3}(?i:${JOB_NOUN}))(?: (?:at|for|in|with) .+)?`
const ANIMAL =
  'dog|cat|puppy|kitten|rabbit|bunny|hamster|parrot|budgie|turtle|tortoise|goldfish|horse|pony|guinea pig|snake|lizard|gecko|ferret|canary|hedgehog|golden retriever|labrador|poodle|beagle|corgi|husky|german shepherd|siamese cat'
const THING =
  'car|house|apartment|flat|condo|bike|bicycle|motorcycle|motorbike|scooter|boat|piano|guitar|violin|camera|drone|laptop|tablet|phone|truck|van|tesla|toyota|honda|bmw|audi|volkswagen|ford|subaru|cabin|farm|telescope|3d printer'
const EVENT =
  'appointment|meeting|flight|interview|exam|test|wedding|trip|party|surgery|operation|presentation|deadline|launch|checkup|check-up|conference|concert|reservation|move|graduation|review|demo|release|workshop|kickoff|race|marathon|delivery|inspection|viewing|class|lesson|dinner|vacation|holiday'
const STATUS =
  'on hold|paused|finished|complete|completed|done|delayed|in progress|blocked|cancelled|canceled|launched|live|approved|rejected|under review|ahead of schedule|behind schedule|on track|ready|shipped|archived|in testing|in beta|suspended|over budget'
const NUMBER = '(?<o>\\+?[\\d(][\\d ().-]{5,18}\\d)'
const EMAIL = '(?<o>[\\w.+-]+@[\\w-]+(?:\\.[\\w-]+)+)'
const MONEY =
  '(?<o>(?:under |around |about |up to |at most |strictly under )?(?:[$€£¥]\\s?\\d[\\d,.]*\\s?(?:k|m|million|thousand)?|(?:NGN|USD|EUR|GBP|CNY|RMB|INR|JPY)\\s?\\d[\\d,.]*|\\d[\\d,.]*\\s?(?:k|million|thousand)?\\s?(?:dollars|euros|pounds|yuan|rupees|yen|USD|EUR|GBP|CNY|RMB)))(?: (?:a|per) (?:day|week|month|year|person|night))?'

/** Case matters: only a capital tells a name from a word. */
const re = (source: string): RegExp => new RegExp(`^${source}$`, 'u')

const petOf = ({ k, n }: Groups): string => (n === undefined ? (k ?? '') : `${n} (${k ?? ''})`)
const eventOf = ({ s = '', e = '' }: Groups, self: string): string =>
  /^(?:my|our)$/i.test(s) ? `${self}'s ${e}` : `${s} ${e}`.trim()

const HOME: readonly FactPattern[] = [
  {
    predicate: 'lives_in',
    match: re(
      `${S} (?:live|lives|reside|resides|${AM} living|${AM} based|${HAVE}(?:lived|been living|been based)) (?:here )?(?:in|at) ${PLACE}(?: with .+)?`,
    ),
    says: 'holds',
    isEntity: true,
  },
  {
    predicate: 'lives_in',
    match: re(`${S} (?:do|does) not live in ${PLACE}`),
    says: 'ends',
    isEntity: true,
    needsOver: true,
  },
  {
    predicate: 'lives_in',
    match: re(
      `${S} ${HAVE}(?:moved|relocated|emigrated|settled)(?: back| house| here)?(?: (?:out of|away from|from) (?<p>\\p{Lu}[\\p{L}' .-]*?))? (?:to|into|in) ${PLACE}(?: (?:with|for|to be) .+)?`,
    ),
    says: 'holds',
    isEntity: true,
  },
  {
    predicate: 'lives_in',
    match: re(`${S} (?:${HAVE}(?:moved|relocated)(?: out of| away from| from)|used to live in) ${PLACE}`),
    says: 'ends',
    isEntity: true,
  },
  { predicate: 'lives_in', match: re(`${S} lived in ${PLACE}`), says: 'ends', isEntity: true },
]

const WORK: readonly FactPattern[] = [
  {
    predicate: 'works_at',
    match: re(
      `${S} (?:work|works|${AM} working|${AM} employed|${HAVE}(?:worked|been working)) (?:at|for|by) ${COMPANY}(?: as (?:an? |the )?(?<j>[\\p{L} -]{3,40}))?`,
    ),
    says: 'holds',
    isEntity: true,
  },
  {
    predicate: 'works_at',
    match: re(
      `${S} ${HAVE}(?:joined|started (?:working )?at|started a (?:new )?job at|got a (?:new )?job at|got hired (?:at|by)|took a (?:new )?job at|switched jobs to) ${COMPANY}(?: as (?:an? |the )?(?<j>[\\p{L} -]{3,40}))?`,
    ),
    says: 'holds',
    isEntity: true,
  },
  {
    predicate: 'works_at',
    match: re(
      `${S} (?:(?:do|does) not work|stopped working|used to work|${AM} not (?:working|employed)|${HAVE}worked) (?:at|for|by) ${COMPANY}`,
    ),
    says: 'ends',
    isEntity: true,
  },
  {
    predicate: 'works_at',
    match: re(
      `${S} ${HAVE}(?:resigned from|quit(?: my job at| her job at| his job at)?|left (?:my|her|his) (?:job|position|role) at|was laid off from|got laid off from|was fired from|retired from) ${COMPANY}`,
    ),
    says: 'ends',
    isEntity: true,
  },
  {
    predicate: 'works_at',
    match: re(
      `${S} ${HAVE}(?:quit|left|lost|resigned from) (?:my|his|her|their) (?:current |old )?job|${S.replace('?<s>', '?<t>')} ${HAVE}(?:retired|was laid off|got laid off|got fired)`,
    ),
    says: 'ends',
    object: '',
    subject: ({ s, t }) => s ?? t ?? '',
  },
  {
    predicate: 'job',
    match: re(
      `${S} (?:${AM}|work as|works as|${AM} working as|${HAVE}been working as|${HAVE}become|became|was promoted to|got promoted to|${HAVE}been promoted to|started(?: working)? as|${AM} employed as) ${JOB}`,
    ),
    says: 'holds',
  },
  { predicate: 'job', match: re(`${S} used to (?:be|work as) ${JOB}`), says: 'ends' },
  { predicate: 'job', match: re(`${S} ${AM} not ${JOB}`), says: 'ends', needsOver: true },
  {
    predicate: 'job',
    match: re(`${OF} (?:job|profession|occupation|job title) is (?:an? |the )?${PHRASE}`),
    says: 'holds',
  },
]

const PERSON: readonly FactPattern[] = [
  {
    predicate: 'name',
    match: new RegExp(
      `^(?:[Mm]y (?:full |first )?name is|I go by|[Cc]all me|I changed my name to) (?<o>${NAME})$`,
      'u',
    ),
    says: 'holds',
    subject: (_, self) => self,
  },
  { predicate: 'age', match: re(`${S} (?:${AM}|turned) (?<o>\\d{1,3})(?: years old| today)?`), says: 'holds' },
  {
    predicate: 'birthday',
    match: re(`${OF} (?:birthday|date of birth|birth date) is (?:on )?(?<o>${DATE})`),
    says: 'holds',
    isDated: true,
  },
  { predicate: 'birthday', match: re(`${S} (?:was|were) born on (?<o>${DATE})(?:.*)`), says: 'holds', isDated: true },
  {
    predicate: 'spouse',
    match: re(`${OF} (?:wife|husband|spouse)(?: is|'s name is| is called| is named) (?<o>${NAME})`),
    says: 'holds',
    isEntity: true,
  },
  {
    predicate: 'spouse',
    match: re(`${S} (?:${AM} married to|${HAVE}(?:married|got married to|gotten married to)) (?<o>${NAME})`),
    says: 'holds',
    isEntity: true,
  },
  {
    predicate: 'spouse',
    match: re(`${S} (?:got divorced from|${HAVE}divorced|separated from) (?<o>${NAME})`),
    says: 'ends',
    isEntity: true,
  },
  {
    predicate: 'partner',
    match: re(
      `${OF} (?:girlfriend|boyfriend|partner|fianc[eé]e?)(?: is|'s name is| is called| is named) (?<o>${NAME})`,
    ),
    says: 'holds',
    isEntity: true,
  },
  {
    predicate: 'partner',
    match: re(`${S} (?:${AM} dating|${AM} engaged to|got engaged to|started dating) (?<o>${NAME})`),
    says: 'holds',
    isEntity: true,
  },
  {
    predicate: 'partner',
    match: re(`${S} ${HAVE}(?:broke|broken|split) up with (?<o>${NAME})`),
    says: 'ends',
    isEntity: true,
  },
  {
    predicate: 'relationship_status',
    match: re(
      `${S} (?:${AM}|got|${HAVE}(?:gotten|become)|became) (?<o>single|married|engaged|divorced|widowed|separated)`,
    ),
    says: 'holds',
  },
  {
    predicate: 'relationship_status',
    match: re(`${S} ${AM} not (?<o>single|married|engaged)`),
    says: 'ends',
    needsOver: true,
  },
  {
    predicate: 'diet',
    match: re(
      `${S} (?:${AM}|went|became|${HAVE}(?:become|gone|been)|turned) (?:an? )?(?:strict )?(?<o>vegetarian|vegan|pescatarian|gluten-free|keto)`,
    ),
    says: 'holds',
  },
  {
    predicate: 'diet',
    match: re(
      `${S} (?:${AM} not|used to be|stopped being) (?:an? )?(?<o>vegetarian|vegan|pescatarian|gluten-free|keto)`,
    ),
    says: 'ends',
  },
  {
    predicate: 'allergic_to',
    match: re(
      `${S} (?:${AM}|${HAVE}been|became|${HAVE}become) (?:severely |very |highly |mildly )?allergic to ${PHRASE}`,
    ),
    says: 'holds',
  },
  {
    predicate: 'allergic_to',
    match: re(`${S} (?:have|has|${HAVE}developed) an? (?:severe |bad |mild )?(?<o>[\\p{L} -]{3,30}) allergy`),
    says: 'holds',
  },
  { predicate: 'allergic_to', match: re(`${S} used to be allergic to ${PHRASE}`), says: 'ends' },
  { predicate: 'allergic_to', match: re(`${S} ${AM} (?:not )?allergic to ${PHRASE}`), says: 'ends', needsOver: true },
  {
    predicate: 'phone',
    match: re(
      `${OF} (?:new )?(?:phone|mobile|cell|cell phone|telephone|mobile phone)(?: number)? (?:is|has changed to|changed to|was changed to)(?: now)? ${NUMBER}`,
    ),
    says: 'holds',
  },
  {
    predicate: 'phone',
    match: re(`${S} ${HAVE}changed my (?:phone|mobile|cell)(?: number)? to ${NUMBER}`),
    says: 'holds',
  },
  {
    predicate: 'email',
    match: re(
      `${OF} (?:new |work |personal )?e-?mail(?: address)? (?:is|has changed to|changed to|was changed to)(?: now)? ${EMAIL}`,
    ),
    says: 'holds',
  },
  { predicate: 'email', match: re(`${S} ${HAVE}changed my e-?mail(?: address)? to ${EMAIL}`), says: 'holds' },
]

const TASTE: readonly FactPattern[] = [
  {
    predicate: 'likes',
    match: re(`${S} (?:do|does) not (?:like|love|enjoy) ${PHRASE}`),
    says: 'ends',
    needsOver: true,
  },
  {
    predicate: 'dislikes',
    match: re(
      `${S} (?:(?:do|does) not (?:like|enjoy)|hate|hates|dislike|dislikes|detest|detests|can not stand|loathe|loathes) ${PHRASE}`,
    ),
    says: 'holds',
  },
  {
    predicate: 'likes',
    match: re(`${S} (?:used to (?:like|love|enjoy)|stopped (?:liking|loving|enjoying)) ${PHRASE}`),
    says: 'ends',
  },
  { predicate: 'dislikes', match: re(`${S} used to (?:hate|dislike) ${PHRASE}`), says: 'ends' },
  {
    predicate: 'likes',
    match: re(
      `${S} (?:(?<=^(?:I|we) )(?:like|love|enjoy|adore)|(?<!^(?:I|we) )(?:likes|loves|enjoys|adores)|${AM} (?:a (?:big|huge) )?fans? of|${AM} fond of) ${PHRASE}`,
    ),
    says: 'holds',
  },
  { predicate: 'prefers', match: re(`${S} (?:do|does) not prefer ${PHRASE}`), says: 'ends', needsOver: true },
  {
    predicate: 'prefers',
    match: re(`${S} prefers? (?<o>[\\p{L}\\d][\\p{L}\\d' -]{1,40}?)(?: (?:over|rather than|instead of|to) .+)?`),
    says: 'holds',
  },
  {
    predicate: ({ k }) => `favourite_${(k ?? '').toLowerCase().replace(/ /g, '_')}`,
    match: re(`${OF} favou?rite (?<k>[\\p{L}]+(?: [\\p{L}]+)?) (?:is|are|has become|became|${AM} now) ${PHRASE}`),
    says: 'holds',
  },
  {
    predicate: ({ k }) => `favourite_${(k ?? '').toLowerCase().replace(/ /g, '_')}`,
    match: re(`${OF} favou?rite (?<k>[\\p{L}]+(?: [\\p{L}]+)?) used to be ${PHRASE}`),
    says: 'ends',
  },
]

const POSSESSIONS: readonly FactPattern[] = [
  {
    predicate: 'has_pet',
    match: re(
      `${S} (?:have|has|own|owns|${HAVE}(?:adopted|got|gotten|bought)) an? (?:[\\p{L}-]+ )?(?<k>(?i:${ANIMAL}))(?:,? (?:named|called) (?<n>\\p{L}+))?`,
    ),
    says: 'holds',
    object: petOf,
  },
  {
    predicate: 'has_pet',
    match: re(`(?<s>my|our) (?<k>(?i:${ANIMAL}))(?: is (?:named|called)|'s name is) (?<n>\\p{L}+)`),
    says: 'holds',
    object: petOf,
  },
  {
    predicate: 'has_pet',
    match: re(`(?<s>my|our) (?<k>(?i:${ANIMAL}))(?:,? (?<n>\\p{Lu}\\p{L}+),?)? (?:died|passed away|ran away)`),
    says: 'ends',
    object: petOf,
  },
  {
    predicate: 'owns',
    match: re(
      `${S} (?:own|owns|have|has|${HAVE}(?:bought|got|purchased)) an? (?<o>(?:[\\p{L}\\d-]+ ){0,3}(?i:${THING})(?: [\\p{L}\\d-]+){0,2})`,
    ),
    says: 'holds',
  },
  {
    predicate: 'owns',
    match: re(
      `${S} (?:${HAVE}sold|got rid of|gave away|do not own|does not own) (?:my|our|his|her|the|an?) (?<o>(?:[\\p{L}\\d-]+ ){0,3}(?i:${THING})(?: [\\p{L}\\d-]+){0,2})`,
    ),
    says: 'ends',
  },
]

const PLANS: readonly FactPattern[] = [
  {
    predicate: 'date',
    match: re(
      `(?<s>my|our|the|${NAME}'s) (?<e>(?:[\\p{L}-]+ ){0,3}(?:${EVENT})(?: (?:with|for|at|in|to) (?:the |my )?[\\p{L} .'-]{2,30}?)?) (?:(?:is|was|has been|got|will be|${AM} now)(?: now)? )?(?:scheduled|set|booked|planned|due|confirmed|happening|moved|rescheduled|postponed|pushed back|pushed|brought forward|changed|delayed)?(?: from [\\p{L}\\d ,]+?)? ?(?:on|for|to|until|is) (?<d>${DATE})(?: at .+)?`,
    ),
    says: 'holds',
    object: ({ d }) => d ?? '',
    subject: eventOf,
    isDated: true,
  },
  {
    predicate: 'date',
    match: re(
      `(?<s>my|our|the|${NAME}'s) (?<e>(?:[\\p{L}-]+ ){0,3}(?:${EVENT})(?: (?:with|for|at|in|to) (?:the |my )?[\\p{L} .'-]{2,30}?)?) (?:is|was|has been|got) (?:cancelled|canceled|called off)`,
    ),
    says: 'ends',
    object: '',
    subject: eventOf,
  },
  {
    predicate: 'budget',
    match: re(
      `(?<s>my|our|the) (?:(?:total|monthly|new|maximum|max) )?(?<e>(?:[\\p{L}-]+ ){0,3}?)budget(?: for (?<f>[\\p{L} -]{2,40}?))? (?:is|has been|was|${AM} now)(?: now)?(?: (?:raised|cut|increased|reduced|set|changed|lowered|limited|capped))?(?: (?:to|at))? ${MONEY}`,
    ),
    says: 'holds',
    subject: ({ s = '', e = '', f }, self) => {
      const what = (f ?? e).trim().replace(/^(?:the|my|our) /i, '')
      return what === '' ? (/^the$/i.test(s) ? '' : self) : what
    },
  },
  {
    predicate: 'status',
    match: re(
      `(?:(?:the|our|my) )?(?<s>(?:[Pp]roject [\\p{L}\\d-]+|(?!\\p{L}+ing )(?:[\\p{L}\\d-]+ ){1,3}(?:project|report|migration|launch|website|app|release|redesign|renovation|proposal|order|course|audit|thesis|paper)))(?: (?:is|has been|was|got)|'s) (?:put )?(?:officially )?(?<o>${STATUS})`,
    ),
    says: 'holds',
  },
]

/** Ways in which English states what is kept as a fact; the first that fits a clause counts. */
export const ENGLISH_PATTERNS: readonly FactPattern[] = [
  ...HOME,
  ...WORK,
  ...PERSON,
  ...TASTE,
  ...POSSESSIONS,
  ...PLANS,
]

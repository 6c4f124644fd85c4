const list = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

/** Words that are capitalised at the start of a sentence without being a name. */
export const SENTENCE_OPENERS = list(`
a an the this that these those my your his her its our their mine i me we you he she it they them us
what who whom whose when where which why how is are was were am be been being do does did done have has had having
can could may might must shall should will would and or but so if then else than as at by for from in into of off on onto
out over to up with without about after before since until till during between through against among not no nor yes yeah
please tell show give list find get make write draft compose create summarise summarize summary recap compare remember
remind note save forget delete erase remove update correct change set add keep let use help explain translate calculate compute
describe convert solve define rewrite recommend suggest plan book order buy call ask said say says told did any all some every each both most
more less many much few several other another same such only also too very just even still already yet again ever never always
hi hello hey thanks thank ok okay sure great good nice well actually correction sorry now today tonight yesterday tomorrow
there here last next first second third according regarding concerning given based because while though although however once
got going gone come came go went take took know knew think thought want wanted need needed like liked love loved hate hated prefer
everything anything nothing something everyone anyone someone nobody speaking talking apart besides put provide prepare
bring pull look search recall retrieve check quick morning afternoon evening night bullet
january february march april may june july august september october november december
monday tuesday wednesday thursday friday saturday sunday spring summer autumn fall winter q1 q2 q3 q4`)

/** Relatives and others whom `my` names as well as a name would, with the pronoun that means them. */
export const RELATIONS: ReadonlyMap<string, Gender> = new Map([
  ...[
    'mother',
    'mom',
    'mum',
    'sister',
    'wife',
    'daughter',
    'aunt',
    'grandmother',
    'grandma',
    'girlfriend',
    'niece',
  ].map((word) => [word, 'female'] as const),
  ...['father', 'dad', 'brother', 'husband', 'son', 'uncle', 'grandfather', 'grandpa', 'boyfriend', 'nephew'].map(
    (word) => [word, 'male'] as const,
  ),
  ...[
    'boss',
    'manager',
    'partner',
    'doctor',
    'dentist',
    'landlord',
    'neighbour',
    'neighbor',
    'roommate',
    'colleague',
    'teacher',
    'therapist',
    'cousin',
    'lawyer',
  ].map((word) => [word, 'unknown'] as const),
])

export const CHINESE_RELATIONS: ReadonlyMap<string, Gender> = new Map([
  ...['妈妈', '母亲', '姐姐', '妹妹', '妻子', '老婆', '女儿', '奶奶', '外婆', '阿姨', '女朋友'].map(
    (word) => [word, 'female'] as const,
  ),
  ...['爸爸', '父亲', '哥哥', '弟弟', '丈夫', '老公', '儿子', '爷爷', '外公', '叔叔', '男朋友'].map(
    (word) => [word, 'male'] as const,
  ),
  ...['老板', '同事', '房东', '邻居', '医生', '室友'].map((word) => [word, 'unknown'] as const),
])

export type Gender = 'female' | 'male' | 'unknown'

const FEMALE_NAMES = list(`
alice ana anna anne amy amanda amelia barbara bella beth betty camille carla carol caroline catherine charlotte chloe christina clara
claire cynthia dana daisy deborah diana dorothy elena elizabeth ella ellen emily emma eva evelyn fatima fiona grace hannah heather helen
ingrid irene isabel isabella jane janet jennifer jessica joan joanna judy julia julie karen kate katherine kathy laura lena leila linda
lisa lucy maria marie mary maya megan melanie melissa mia michelle mina nadia nancy naomi natalie nicole nina nora olivia pamela patricia paula
priya rachel rebecca rita rose ruth sandra sara sarah sofia sonia sophia sophie stephanie susan sylvia tanya teresa tina vera victoria yuki zoe`)
const MALE_NAMES = list(`
aaron adam ahmed alan albert alexander andrew anthony antonio arthur ben benjamin bill bob boris brian carl carlos charles chen chris
daniel dave david dennis diego dmitri donald edward eric ethan felix frank fred gary george greg hans harry henry hiroshi hugo ivan jack jacob
james jason jeff jerry jim joe john jonas jonathan jose joseph josh juan karl keith ken kevin kenji larry lars leo liam louis lucas luis luke marco mark
martin matt max michael miguel mike mohammed nathan nick noah oliver omar oscar otto patrick paul pedro peter philip pierre rafael raj ravi
richard robert roger ryan sam samuel scott sergei simon stefan steve steven thomas tim tom tony victor walter will william yusuf`)

/** The pronoun that a first name usually takes. */
export function genderOf(name: string): Gender {
  const first = name.toLowerCase().split(/\s+/)[0] ?? ''
  const relation = RELATIONS.get(first) ?? CHINESE_RELATIONS.get(name)
  if (relation !== undefined) return relation
  if (FEMALE_NAMES.has(first) || /(?:女士|小姐|姐|阿姨)$/.test(name)) return 'female'
  if (MALE_NAMES.has(first) || /(?:先生|哥)$/.test(name)) return 'male'
  return 'unknown'
}

export const isFirstName = (word: string): boolean =>
  FEMALE_NAMES.has(word.toLowerCase()) || MALE_NAMES.has(word.toLowerCase())

/** Places that are named often enough to be told from persons. */
export const PLACES = list(`
lisbon london paris berlin madrid rome tokyo kyoto osaka beijing shanghai shenzhen hangzhou chengdu seattle boston chicago austin denver
amsterdam vienna prague porto barcelona munich hamburg zurich geneva oslo stockholm helsinki copenhagen dublin edinburgh istanbul cairo
mumbai delhi singapore bangkok sydney melbourne toronto vancouver montreal mexico brazil china japan germany france spain italy portugal
england scotland ireland norway sweden denmark finland poland greece turkey egypt india canada australia iceland hawaii california texas york`)

export const CHINESE_PLACES =
  '北京|上海|广州|深圳|杭州|成都|南京|武汉|西安|重庆|苏州|天津|青岛|厦门|大连|昆明|三亚|丽江|香港|台北|澳门|东京|京都|大阪|首尔|巴黎|伦敦|纽约|柏林|里斯本|新加坡|曼谷|悉尼|日本|法国|德国|美国|英国|泰国|韩国|云南|西藏|新疆|海南'

export const isPlace = (name: string): boolean => {
  const last = name.toLowerCase().split(/\s+/).at(-1) ?? ''
  return PLACES.has(last) || new RegExp(`^(?:${CHINESE_PLACES})`).test(name)
}

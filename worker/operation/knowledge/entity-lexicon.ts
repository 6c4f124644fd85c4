const toSet = (words: string): ReadonlySet<string> => new Set(words.trim().split(/\s+/u))

/** Words that are written with a capital without naming anything: months and days, the pronoun, interjections. */
export const NEVER_NAMES = toSet(`
  january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec
  monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thurs fri sat sun
  i i'm i've i'll i'd i’m i’ve i’ll i’d ok okay am pm tv dvd lol omg wow btw fyi asap diy faq id ps pdf url q a yes no hi hey hello thanks thank`)

/** Words that open sentences and are no names there; what follows them with a capital is. */
export const OPENERS = toSet(`
  a an the this that these those it he she we they you his her my our your their its there here and but or so if when while as after before since
  because although though until once what which who whose how why where is are was were do does did have has had can could would should will may
  might must let let's lets please just also even still yet then now today tomorrow yesterday tonight last next every each some any all most many
  much more no not never always often sometimes maybe perhaps actually honestly really very well oh ah um wow yeah yep nope sure right great good
  nice cool awesome amazing absolutely definitely exactly totally congrats congratulations sorry thanks thank hope hopefully glad happy excited
  looking got get getting going gonna went see saw seen make made take took taking try trying tried know think thought feel felt love loved like
  liked want wanted need needed used use using keep kept give gave tell told say said ask asked call called meet met visit visited visiting watch
  watched read reading play played start started finish finished check looks sounds seems remember forgot guess wish wait speaking talking
  in on at to for from with by of about into over under during between through without within against near only both either neither one two three
  first second later earlier finally besides anyway meanwhile however instead despite unless whenever wherever whatever whether another other same such own
  hi hey hello dear bye goodbye welcome cheers morning evening night weekend user assistant system note update question answer`)

export const TITLES = toSet('mr mrs ms miss dr prof professor sir madam aunt auntie uncle captain president coach')

/** Written small inside of a name: University of Lisbon, Vincent van Gogh. */
export const INNER_WORDS = toSet('of de del della di da van von der la le')

export const PLACE_ENDS = toSet(`
  street road avenue lane square park garden gardens city town village river lake mountain mountains mount beach island islands valley bay forest
  desert airport station county state province district bridge castle palace plaza canyon falls coast harbor harbour hill hills trail`)

export const ORGANISATION_ENDS = toSet(`
  inc inc. corp corp. ltd ltd. llc gmbh university college school academy institute bank hospital clinic company corporation foundation association
  committee council agency group club church society union team ministry department museum library airlines studios labs technologies systems`)

/** The commonest given names in English; others are told by what stands around them. */
export const GIVEN_NAMES = toSet(`
  james john robert michael william david richard joseph thomas charles christopher daniel matthew anthony mark donald steven paul andrew joshua
  kenneth kevin brian george edward ronald timothy jason jeffrey ryan jacob gary nicholas eric jonathan stephen larry justin scott brandon benjamin
  samuel gregory frank alexander raymond patrick jack dennis jerry tyler aaron jose henry adam douglas nathan peter zachary kyle walter ethan jeremy
  mary patricia jennifer linda elizabeth barbara susan jessica sarah karen nancy lisa betty margaret sandra ashley kimberly emily donna michelle
  dorothy carol amanda melissa deborah stephanie rebecca sharon laura cynthia kathleen amy angela shirley anna brenda pamela emma nicole helen
  samantha katherine christine debra rachel carolyn janet catherine maria heather diane ruth julie olivia joyce virginia victoria kelly lauren
  christina joan evelyn judith megan andrea cheryl hannah jacqueline martha gloria teresa sara madison frances kathryn janice jean alice abigail
  caroline melanie julia sophia isabella mia charlotte amelia ava liam noah oliver elijah lucas mason logan nate joanna gina jon dave calvin
  audrey bob tom mike jim joe ben sam dan tim matt chris alex kate liz sue jen meg nick tony mel vincent amir fatima carlos diego priya wei yuki hiro ivan olga pierre hans ingrid`)

/** Short forms and the name that they stand for. */
export const NICKNAMES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    abby: 'abigail',
    al: 'albert',
    alex: 'alexander',
    andy: 'andrew',
    becky: 'rebecca',
    ben: 'benjamin',
    beth: 'elizabeth',
    bill: 'william',
    bob: 'robert',
    cathy: 'catherine',
    charlie: 'charles',
    chris: 'christopher',
    dan: 'daniel',
    dave: 'david',
    deb: 'deborah',
    ed: 'edward',
    greg: 'gregory',
    jen: 'jennifer',
    jim: 'james',
    joe: 'joseph',
    jon: 'jonathan',
    josh: 'joshua',
    kate: 'katherine',
    liz: 'elizabeth',
    matt: 'matthew',
    mel: 'melanie',
    mike: 'michael',
    nate: 'nathan',
    nick: 'nicholas',
    pam: 'pamela',
    pat: 'patricia',
    pete: 'peter',
    rob: 'robert',
    ron: 'ronald',
    sam: 'samuel',
    steve: 'steven',
    sue: 'susan',
    tim: 'timothy',
    tom: 'thomas',
    tony: 'anthony',
    vicky: 'victoria',
    will: 'william',
    zach: 'zachary',
  }),
)

export const PLACES = toSet(`
  america usa us uk england scotland wales ireland britain france germany spain portugal italy greece turkey russia china japan korea india thailand
  vietnam indonesia australia canada mexico brazil argentina chile peru colombia egypt morocco kenya nigeria sweden norway denmark finland iceland
  netherlands belgium switzerland austria poland ukraine israel singapore malaysia philippines europe asia africa london paris berlin rome madrid
  barcelona lisbon porto vienna prague amsterdam dublin tokyo kyoto osaka beijing shanghai seoul bangkok delhi mumbai sydney melbourne toronto
  vancouver boston chicago seattle miami dallas denver california texas florida hawaii alaska brooklyn manhattan hollywood`)

export const CHINESE_SURNAMES = new Set(
  '王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文',
)
export const CHINESE_TITLES = toSet('先生 女士 老师 教授 医生 小姐 经理 总 叔叔 阿姨 同学 师傅 主任')
/** Characters that a given name does not hold: they carry grammar. */
export const CHINESE_GRAMMAR = new Set(
  '的了是在说和跟与去来到有不也都就把被给对我你他她它们这那很吗呢吧啊过着要想会能可以先后前今昨天年月日时',
)
export const CHINESE_PLACE_END = /(?:省|市|县|区|镇|村|路|街|湖|岛|机场|公园|广场|车站)$/u
export const CHINESE_ORGANISATION_END = /(?:大学|公司|银行|医院|集团|学院|中学|小学|研究所|协会|俱乐部|博物馆)$/u
export const CHINESE_PLACES =
  toSet(`中国 北京 上海 广州 深圳 杭州 南京 成都 重庆 武汉 西安 天津 苏州 长沙 青岛 大连 厦门 昆明 丽江 三亚 香港 澳门 台湾 台北 日本 东京
  韩国 首尔 美国 英国 法国 巴黎 德国 泰国 新加坡 云南 四川 西藏 新疆 海南`)
